export { ADMINISTRATOR, Authenticator, type Credentials, type Unknown, type Verdict } from './credentials.ts';
export { type RevokedSessions, SESSION_SECONDS, type Session } from './sessions.ts';
