export { ADMINISTRATOR, Authenticator, actorOf, type Credentials, type Unknown, type Verdict } from './credentials.ts';
export { SESSION_SECONDS, type Session } from './sessions.ts';
