import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Job } from '../../domain/job.ts';
import { isActiveState } from '../../domain/job-state.ts';
import { type JobObservation, ownerId } from '../../domain/observation.ts';
import { ownership } from '../owner.ts';
import { jobState } from '../states.ts';
import { parseAllocation } from './allocation.ts';
import { type ClusterClock, SAME_CLOCK } from './clock.ts';
import { joinComponents } from './components.ts';
import { jobIds } from './job-ids.ts';
import { durationSeconds, scriptEnd, textValue } from './values.ts';

/** squeue's output fields, in the order in which `parseQueue` reads them (man squeue, --Format). */
export const QUEUE_FIELDS = [
  'JobArrayID',
  'State',
  'exit_code',
  'StartTime',
  'EndTime',
  'RestartCnt',
  'NodeList',
  'Partition',
  'Reason',
  'tres-alloc',
  'TimeLimit',
  'Command',
  'WorkDir',
] as const;

/** Between fields and behind rows: control characters, so that no name or reason can hold them. */
export const FIELD_END = '\x1f';
export const ROW_END = '\x1e';

export interface QueueSnapshot {
  readonly observations: readonly JobObservation[];
  /** Rows that aren't of the expected shape, for the log: nothing is concluded from them. */
  readonly faultyRows: readonly string[];
}

/**
 * Whether squeue's output ends before its last row does, although it may have ended well: each row is followed by a line
 * feed. One that is cut between two rows doesn't show it.
 */
export function isCutOff(output: string): boolean {
  const lastRowEnd = output.lastIndexOf(ROW_END);
  const rest = output.slice(lastRowEnd + 1);
  return rest.includes(FIELD_END) || (lastRowEnd !== -1 && !rest.endsWith('\n'));
}

/** Whether a row that can't be read is that of this job: it still shows that the job is there. */
export function mentions(row: string, job: Pick<Job, 'slurmJobId' | 'id' | 'arrayParentId'>): boolean {
  if (row.includes(ownerId(job))) return true;
  const [id = ''] = row.split(FIELD_END);
  const number = id.slice(id.lastIndexOf('\n') + 1).split(/[_+]/)[0];
  return number !== '' && number === job.slurmJobId?.split('_')[0];
}

/**
 * The rows of our own jobs. An array's waiting rest is one row of squeue and one observation a task here; a
 * heterogeneous job is one row a component, and one observation here. Nothing is concluded from rows that contradict
 * each other.
 */
export function parseQueue(output: string, clock: ClusterClock = SAME_CLOCK, tracksGpus = false): QueueSnapshot {
  const answer = new Answer(output);
  for (const row of answer.rows) answer.take(row, readRow(row, clock, tracksGpus));
  return answer.snapshot();
}

/** So many rows are read at a time: others have their turn in between. */
const ROWS_A_TURN = 1000;

/**
 * Reads squeue's answers one after another, as `parseQueue` does. A row that comes again as it was gives the very same
 * observations, and costs next to nothing: of large queues most rows do.
 */
export class QueueReader {
  #known: ReadonlyMap<string, RowReading> = new Map();
  #aheadMs = 0;
  #tracksGpus = false;

  async read(output: string, clock: ClusterClock, tracksGpus = false): Promise<QueueSnapshot> {
    // Another answer may correct the clock meanwhile: what was read before that is not known by the new one.
    const { aheadMs } = clock;
    const isAlike = aheadMs === this.#aheadMs && tracksGpus === this.#tracksGpus;
    const known = isAlike ? this.#known : new Map<string, RowReading>();
    const readings = new Map<string, RowReading>();
    const answer = new Answer(output);
    for (const [index, row] of answer.rows.entries()) {
      if (index % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn();
      const reading = known.get(row) ?? readRow(row, clock, tracksGpus);
      readings.set(row, reading);
      answer.take(row, reading);
    }
    this.#known = readings;
    this.#aheadMs = aheadMs;
    this.#tracksGpus = tracksGpus;
    return answer.snapshot();
  }
}

/** What one row says of our jobs, or that it can't be read. */
type RowReading = readonly JobObservation[] | 'faulty';

/** One answer of squeue, row by row. */
class Answer {
  readonly rows: readonly string[];
  readonly #seen = new Map<string, { readonly observation: JobObservation; readonly row: string }>();
  readonly #contradicted = new Set<string>();
  readonly #faultyRows: string[] = [];

  constructor(output: string) {
    const rows = output.split(ROW_END);
    const rest = rows.pop();
    if (rest !== undefined && rest.trim() !== '') this.#faultyRows.push(rest);
    this.rows = rows.map((row) => (row.startsWith('\n') ? row.slice(1) : row));
  }

  take(row: string, reading: RowReading): void {
    if (reading === 'faulty') {
      this.#faultyRows.push(row);
      return;
    }
    for (const observation of reading) {
      const { slurmJobId } = observation;
      const known = this.#seen.get(slurmJobId);
      if (known === undefined) {
        this.#seen.set(slurmJobId, { observation, row });
      } else if (known.row !== row) {
        this.#contradicted.add(slurmJobId);
        this.#faultyRows.push(known.row, row);
      }
    }
  }

  snapshot(): QueueSnapshot {
    for (const slurmJobId of this.#contradicted) this.#seen.delete(slurmJobId);
    const observations = [...this.#seen.values()].map(({ observation }) => observation);
    return { observations: joinComponents(observations), faultyRows: this.#faultyRows };
  }
}

function readRow(row: string, clock: ClusterClock, tracksGpus: boolean): RowReading {
  const fields = row.split(FIELD_END);
  // Each field is followed by its end, so there is one empty part behind the last.
  if (fields.length !== QUEUE_FIELDS.length + 1) return 'faulty';
  const [id = '', word = '', exit = '', start = '', end = '', restarts = '', nodes = '', partition = '', why = ''] =
    fields;
  const [tres = '', timeLimit = '', command = '', workDir = ''] = fields.slice(QUEUE_FIELDS.indexOf('tres-alloc'));
  const owner = ownership(command, workDir);
  if (owner.ownerId === null && owner.folderId === null) return [];
  const ids = jobIds(id);
  if (ids === null) return 'faulty';
  const reason = textValue(why);
  const state = jobState(word, reason);
  const isWaiting = state === 'PENDING' || state === 'HELD';
  const hasEnded = state !== null && !isActiveState(state);
  const startTime = clock.instant(start);
  const nodeList = textValue(nodes);
  // While a job waits, squeue shows what it asks for in the same column.
  const hasNodes = !isWaiting && nodeList !== null;
  const allocated = hasNodes ? parseAllocation(tres, durationSeconds(timeLimit), tracksGpus) : null;
  return ids.map((slurmJobId) => ({
    source: 'SQUEUE',
    slurmJobId,
    ...owner,
    state,
    word,
    reason,
    ...scriptEnd(exit, state, reason),
    attempt: /^\d+$/.test(restarts) ? Number(restarts) + 1 : null,
    // While a job waits, squeue shows the scheduler's estimate in the same column.
    startedAt: isWaiting ? null : startTime,
    endedAt: hasEnded ? clock.instant(end) : null,
    estimatedStartAt: isWaiting ? startTime : null,
    nodeList,
    partition: textValue(partition),
    allocated,
    components: [],
  }));
}
