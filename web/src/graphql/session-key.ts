/**
 * The session's second half: browsers send its cookie to every port of the host, but storage belongs to the origin, and so
 * to one port. GraphiQL and the server's own pages, on the same origin, read it under the same name.
 */
const STORED_AS = 'slurmql-session';

export function sessionKey(): string | null {
  return localStorage.getItem(STORED_AS);
}

export function keepSessionKey(key: string): void {
  localStorage.setItem(STORED_AS, key);
}

export function forgetSessionKey(): void {
  localStorage.removeItem(STORED_AS);
}

const HEADER = 'x-slurmql-session';
const TRIAL = `/graphql?${new URLSearchParams({ query: '{ viewer { name } }' })}`;

/**
 * An address that opens a session brings its key behind "#", where it is sent to nobody, and leaves the address at once.
 * Any page may lead here with anything there: it is kept in the place of another only once the server takes it.
 */
export async function takeSessionKey(): Promise<void> {
  const key = /^#session=([\w-]+)$/.exec(location.hash)?.[1];
  if (key === undefined) return;
  history.replaceState(history.state, '', `${location.pathname}${location.search}`);
  const answer = await fetch(TRIAL, { headers: { [HEADER]: key } }).catch(() => null);
  if (answer?.ok === true) keepSessionKey(key);
}

/** What shows it, in a request. */
export function sessionHeaders(): Readonly<Record<string, string>> {
  const key = sessionKey();
  return key === null ? {} : { [HEADER]: key };
}
