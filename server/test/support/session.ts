/** What a page of the dashboard sends with each request: the browser's cookie, and the key that it keeps itself. */
export interface SessionHeaders {
  readonly cookie: string;
  readonly 'x-slurmql-session': string;
}

/** A session of its own. */
export async function signIn(address: string, token: string): Promise<SessionHeaders> {
  const response = await fetch(`${address}/session`, { method: 'POST', body: JSON.stringify({ token }) });
  if (response.status !== 200) throw new Error(`The sign-in was answered ${response.status}`);
  const { key } = (await response.json()) as { readonly key: string };
  return { cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '', 'x-slurmql-session': key };
}

/** The same session with a server that has another port, by which its cookie is named. */
export function sessionAt(address: string, headers: SessionHeaders): SessionHeaders {
  return { ...headers, cookie: headers.cookie.replace(/_\d+=/, `_${new URL(address).port}=`) };
}
