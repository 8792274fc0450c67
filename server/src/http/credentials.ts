import type { IncomingMessage } from 'node:http';
import type { Credentials } from '../auth/index.ts';
import { readSessionCookie } from './session-cookie.ts';
import { KEY_HEADER } from './session-key.ts';

/** What a request says by its headers, or in another way where that has words for it. */
export function credentialsOf(
  request: IncomingMessage,
  said: Omit<Credentials, 'cookie'> = { authorization: undefined, key: undefined },
): Credentials {
  const { authorization, [KEY_HEADER]: key } = request.headers;
  return {
    authorization: said.authorization ?? authorization,
    cookie: readSessionCookie(request),
    key: said.key ?? (typeof key === 'string' ? key : undefined),
  };
}
