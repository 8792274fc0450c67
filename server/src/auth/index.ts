export { ADMINISTRATOR, Authenticator, type Credentials, type Verdict } from './credentials.ts';
