import type { Kysely } from 'kysely';
import type { Reader } from './reader.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

/** What the engine offers besides queries. */
export interface OpenDatabase {
  /** One transaction at a time; queries outside of it wait for its end. */
  readonly database: Database;
  /** For queries that only read. They see what is committed, and don't wait for the transaction that is open. */
  readBy(reader: Reader): Database;
  /** How many rows have been changed since it was opened, committed or not. Nobody else writes to it. */
  changes(): number;
  /** Of what readers see: another number after each commit that changes something. */
  version(): number;
  /** Checkpoints the WAL; false: not possible now. Blocks the event loop until it is on disk. */
  checkpoint(): boolean;
  close(): Promise<void>;
}
