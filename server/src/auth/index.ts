export {
  ADMINISTRATOR,
  Authenticator,
  type Credentials,
  FORGET_SESSION,
  type RevokedSessions,
  type Session,
  type Unknown,
  type Verdict,
} from './credentials.ts';
