import type { User } from './user.ts';

/** Somebody who asks, and how they came in: with a token, or with a browser's session. */
export interface UserActor {
  readonly user: User;
  readonly via: 'TOKEN' | 'SESSION';
}

/** The server itself: it goes on with what somebody asked for before, and writes down what Slurm did. */
export const SYSTEM = { user: null, via: 'SYSTEM' } as const;

export type Actor = UserActor | typeof SYSTEM;
