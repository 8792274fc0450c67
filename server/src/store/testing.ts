import SqliteDatabase from 'better-sqlite3';
import type { Job } from '../domain/job.ts';
import type { Store } from './index.ts';
import { type NewJob, writesOf } from './writes.ts';

/** Stores jobs, and no event that tells of it. */
export async function insertJobs(store: Store, jobs: readonly Job[], request: Partial<NewJob> = {}): Promise<void> {
  const created = jobs.map((job) => ({ idempotencyKey: null, submission: null, ...request, job }));
  await writesOf(store).transaction(({ jobWriter }) => jobWriter.insert(created));
}

/** Whatever is done with rows between two turns of the event loop, of the databases that are opened after it is made. */
export class DatabaseWork implements Disposable {
  readonly #prepare = SqliteDatabase.prototype.prepare;
  #rows = 0;
  /** That were read, whenever. */
  rowsRead = 0;
  /** Of the texts that were read. */
  characters = 0;

  constructor() {
    const prepare = this.#prepare;
    const count = (rows: number) => {
      this.#rows += 1 + rows;
    };
    const countRead = (rows: readonly unknown[]) => {
      count(rows.length);
      this.rowsRead += rows.length;
      const texts = rows.flatMap((row) => Object.values(row ?? {})).filter((value) => typeof value === 'string');
      this.characters += texts.reduce((sum, text) => sum + text.length, 0);
    };
    SqliteDatabase.prototype.prepare = function (this: SqliteDatabase.Database, text: string) {
      const statement: SqliteDatabase.Statement<unknown[]> = prepare.call(this, text);
      const [run, all] = [statement.run.bind(statement), statement.all.bind(statement)];
      statement.run = (...values) => {
        const result = run(...values);
        count(result.changes);
        return result;
      };
      statement.all = (...values) => {
        const rows = all(...values);
        countRead(rows);
        return rows;
      };
      return statement as never;
    };
  }

  /** The statements and the rows that were read and written in the fullest turn of the event loop. */
  async mostInATurn(work: () => Promise<unknown>): Promise<number> {
    let most = 0;
    const end = () => {
      most = Math.max(most, this.#rows);
      this.#rows = 0;
    };
    end();
    most = 0;
    await eachTurn(work, end);
    end();
    return most;
  }

  [Symbol.dispose](): void {
    SqliteDatabase.prototype.prepare = this.#prepare;
  }
}

/** How often the event loop turns while something is done. */
export async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  await eachTurn(work, () => {
    turns += 1;
  });
  return turns;
}

async function eachTurn(work: () => Promise<unknown>, told: () => void): Promise<void> {
  let isDone = false;
  const turn = () => {
    told();
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    await work();
  } finally {
    isDone = true;
  }
}
