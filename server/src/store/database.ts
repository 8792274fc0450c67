import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

/** What the engine knows of an open database besides its queries. */
export interface OpenDatabase {
  readonly database: Database;
  /** How many rows have been changed since it was opened. Nobody else writes to it. */
  changes(): number;
  /** Moves what the log has to the file; false: it wasn't possible now. Holds the event loop until the disk has it. */
  checkpoint(): boolean;
}
