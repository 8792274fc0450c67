/** Gives the server the token for a cookie, which page scripts can't read; false if it is not the right one. */
export async function signIn(token: string): Promise<boolean> {
  const response = await fetch('/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  if (response.status === 401) return false;
  if (!response.ok) throw new Error(`The server answered ${response.status} ${response.statusText}.`);
  return true;
}

export async function signOut(): Promise<void> {
  const response = await fetch('/session', { method: 'DELETE' });
  if (!response.ok) throw new Error(`The server answered ${response.status} ${response.statusText}.`);
}
