import { forgetSessionKey, keepSessionKey, sessionHeaders } from '../../graphql/session-key.ts';

/**
 * Gives the server the token for a session: its cookie, which page scripts can't read, and its key, which no other origin
 * can. False if it is not the right one.
 */
export async function signIn(token: string): Promise<boolean> {
  const response = await fetch('/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  if (response.status === 401) return false;
  if (response.status === 429) {
    throw new Error(
      `too many wrong tokens came from your address. Wait ${response.headers.get('retry-after')} seconds.`,
    );
  }
  if (!response.ok) throw new Error(`The server answered ${response.status} ${response.statusText}.`);
  const { key } = (await response.json()) as { readonly key: string };
  keepSessionKey(key);
  return true;
}

export async function signOut(): Promise<void> {
  const response = await fetch('/session', { method: 'DELETE', headers: sessionHeaders() });
  if (!response.ok) throw new Error(`The server answered ${response.status} ${response.statusText}.`);
  forgetSessionKey();
}
