import type { User } from './user.ts';

/** A user, and how they authenticated: with a token or with a browser's session. */
export interface UserActor {
  readonly user: User;
  readonly via: 'TOKEN' | 'SESSION';
}

/** The server itself, when it continues earlier requests and records what Slurm did. */
export const SYSTEM = { user: null, via: 'SYSTEM' } as const;

export type Actor = UserActor | typeof SYSTEM;
