import { sql } from 'kysely';
import type { Database } from './database.ts';

const KEPT = 100;

/** Counts that hold until something is written: pages that are turned, and many who look at one list, count it once. */
export class CountMemo {
  readonly #database: Database;
  /** The one that was asked for last is the last. */
  readonly #known = new Map<string, { readonly version: number; readonly count: Promise<number> }>();

  constructor(database: Database) {
    this.#database = database;
  }

  async count(key: string, countAnew: () => Promise<number>): Promise<number> {
    const version = await this.#version();
    const known = this.#known.get(key);
    const count = known?.version === version ? known.count : countAnew();
    this.#known.delete(key);
    this.#known.set(key, { version, count });
    const [oldest] = this.#known.keys();
    if (this.#known.size > KEPT && oldest !== undefined) this.#known.delete(oldest);
    try {
      return await count;
    } catch (cause) {
      this.#known.delete(key);
      throw cause;
    }
  }

  /** How many rows this one connection, by which all writes go, has ever changed. */
  async #version(): Promise<number> {
    const { rows } = await sql<{ version: number }>`select total_changes() as version`.execute(this.#database);
    return rows[0]?.version ?? 0;
  }
}
