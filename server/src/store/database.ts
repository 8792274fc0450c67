import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

/** What the engine offers besides queries. */
export interface OpenDatabase {
  readonly database: Database;
  /** How many rows have been changed since it was opened. Nobody else writes to it. */
  changes(): number;
  /** Checkpoints the WAL; false: not possible now. Blocks the event loop until it is on disk. */
  checkpoint(): boolean;
}
