import type { OwnersOfAnswer } from '../own-jobs.ts';
import { MAX_OTHER_ROWS, MAX_RANGES } from './limits.ts';
import type { KnownRow, RowReading } from './queue-answer.ts';

export const NOBODYS: KnownRow = { text: '', reading: 'nobodys' };

/** What is kept of one answer of squeue until the next: as much as is stored, and so much more. */
export class KeptRows {
  /** By their texts. */
  readonly rows = new Map<string, KnownRow>();
  readonly #owners: OwnersOfAnswer | null;
  #ranges = 0;

  /** `owners`: null: whose the rows are isn't known. */
  constructor(owners: OwnersOfAnswer | null) {
    this.#owners = owners;
  }

  /** Keeps a row, if there is room for it. Returns what is to be concluded from it. */
  keep(row: KnownRow): KnownRow {
    const { text, reading } = row;
    const known = this.rows.get(text);
    if (known !== undefined) return known;
    if (typeof reading !== 'string' && !this.#hasRoom(reading)) return NOBODYS;
    const kept: KnownRow = this.#hasTooMany(reading) ? { text, reading: 'faulty' } : row;
    this.rows.set(text, kept);
    return kept;
  }

  /** The rows of active jobs always have. */
  #hasRoom(reading: Exclude<RowReading, string>): boolean {
    if (this.#owners === null || this.rows.size < this.#owners.activeCount + MAX_OTHER_ROWS) return true;
    const number = 'tasks' in reading ? reading.slurmArrayId : reading.slurmJobId;
    return this.#owners.hasNumber(number.split('+', 1)[0] ?? '');
  }

  #hasTooMany(reading: RowReading): boolean {
    if (typeof reading === 'string' || !('tasks' in reading)) return false;
    this.#ranges += reading.tasks.ranges.length;
    return this.#ranges > MAX_RANGES;
  }
}
