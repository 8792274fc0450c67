import type { IncomingMessage } from 'node:http';
import type { Credentials } from '../auth/index.ts';
import { readSessionCookie } from './session-cookie.ts';
import { KEY_HEADER } from './session-key.ts';

/** The credentials in a request's headers, or those given in another way. */
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
