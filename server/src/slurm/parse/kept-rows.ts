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

  /** Whether a row is worth reading, by its id. The rows of active jobs always have room. */
  hasRoom(id: string): boolean {
    if (this.#owners === null || this.rows.size < this.#owners.activeCount + MAX_OTHER_ROWS) return true;
    return this.#owners.hasNumber(/^\d{1,10}(?:_\d{1,9})?/.exec(id)?.[0] ?? '');
  }

  /** Keeps a row, if there is room for it. Returns what is to be concluded from it. */
  keep(row: KnownRow): KnownRow {
    const { text, reading } = row;
    const known = this.rows.get(text);
    if (known !== undefined) return known;
    if (typeof reading !== 'string' && !this.hasRoom(idOf(reading))) return NOBODYS;
    const kept: KnownRow = this.#hasTooMany(reading) ? { text, reading: 'faulty' } : row;
    this.rows.set(text, kept);
    return kept;
  }

  #hasTooMany(reading: RowReading): boolean {
    if (typeof reading === 'string' || !('tasks' in reading)) return false;
    this.#ranges += reading.tasks.ranges.length;
    return this.#ranges > MAX_RANGES;
  }
}

function idOf(reading: Exclude<RowReading, string>): string {
  return 'tasks' in reading ? reading.slurmArrayId : reading.slurmJobId;
}
