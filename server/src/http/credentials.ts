import type { IncomingMessage } from 'node:http';
import type { Credentials } from '../auth/index.ts';
import { readSessionCookies } from './session-cookie.ts';
import { KEY_HEADER } from './session-key.ts';

/** The credentials in a request's headers, or those given in another way. */
export function credentialsOf(
  request: IncomingMessage,
  said: Omit<Credentials, 'cookies'> = { authorization: undefined, key: undefined },
): Credentials {
  const { authorization, [KEY_HEADER]: key } = request.headers;
  return {
    authorization: said.authorization ?? authorization,
    cookies: readSessionCookies(request),
    key: said.key ?? (typeof key === 'string' ? key : undefined),
  };
}
