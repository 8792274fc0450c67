import type { Job } from '../../domain/job.ts';
import { isActiveState } from '../../domain/job-state.ts';
import { MAX_NODE_LIST } from '../../domain/node-list.ts';
import { type JobObservation, ownerId } from '../../domain/observation.ts';
import { bounded, ownText } from '../../domain/text.ts';
import { UnreadableAnswer } from '../errors.ts';
import { ownership } from '../owner.ts';
import { jobState } from '../states.ts';
import { parseAllocation } from './allocation.ts';
import { type ClusterClock, SAME_CLOCK } from './clock.ts';
import { joinComponents } from './components.ts';
import { jobIds } from './job-ids.ts';
import { Budget, MAX_NAME, MAX_OBSERVATIONS, MAX_RESTARTS, MAX_ROW } from './limits.ts';
import { atOnce, inTurns, Pace, type Reading } from './turns.ts';
import { durationSeconds, numberValue, scriptEnd, textValue } from './values.ts';

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

/** Ends of fields and rows: control characters, which no name or reason can contain. */
export const FIELD_END = '\x1f';
export const ROW_END = '\x1e';

export interface QueueSnapshot {
  readonly observations: readonly JobObservation[];
  /** Malformed rows, for the log: nothing is concluded from them. */
  readonly faultyRows: readonly string[];
}

/**
 * Whether squeue's output ends within a row, even with exit code 0: each row is followed by a line feed. A cut between
 * two rows can't be seen.
 */
export function isCutOff(output: string): boolean {
  const lastRowEnd = output.lastIndexOf(ROW_END);
  const rest = output.slice(lastRowEnd + 1);
  return rest.includes(FIELD_END) || (lastRowEnd !== -1 && !rest.endsWith('\n'));
}

/** Whether unreadable rows are those of a job: they still show that it exists. */
export function mentions(rows: readonly string[]): (job: Pick<Job, 'slurmJobId' | 'id' | 'arrayParentId'>) => boolean {
  const names = new Set<string>();
  for (const row of rows) {
    // Damaged text may directly precede or follow it.
    for (const [signs] of row.matchAll(/[0-9A-HJKMNP-TV-Z]{26,}/g)) names.add(signs.slice(0, 26)).add(signs.slice(-26));
    const [id = ''] = row.split(FIELD_END, 1);
    names.add(/^\d*/.exec(id.slice(id.lastIndexOf('\n') + 1))?.[0] ?? '');
  }
  names.delete('');
  return (job) => names.has(ownerId(job)) || names.has(job.slurmJobId?.split('_')[0] ?? '');
}

/**
 * The rows of our own jobs. The waiting rest of an array is one row of squeue, and becomes one observation for each
 * task; a heterogeneous job is one row for each component, and becomes one observation. Nothing is concluded from rows
 * that contradict each other. Throws UnreadableAnswer for output that is not squeue's.
 */
export function parseQueue(output: string, clock: ClusterClock = SAME_CLOCK, tracksGpus = false): QueueSnapshot {
  return atOnce(readRows(output, (text) => ({ text, reading: readRow(text, clock, tracksGpus) })));
}

/**
 * Reads squeue's answers one after another, as `parseQueue` does. An unchanged row gives the very same observations,
 * and costs almost nothing: most rows of large queues are unchanged.
 */
export class QueueReader {
  #known: ReadonlyMap<string, KnownRow> = new Map();
  #aheadMs = 0;
  #tracksGpus = false;

  async read(output: string, clock: ClusterClock, tracksGpus = false): Promise<QueueSnapshot> {
    // Another answer may correct the clock meanwhile: rows read before that are read again.
    const { aheadMs } = clock;
    const isAlike = aheadMs === this.#aheadMs && tracksGpus === this.#tracksGpus;
    const known = isAlike ? this.#known : new Map<string, KnownRow>();
    const readings = new Map<string, KnownRow>();
    const readKnown = (text: string): KnownRow => {
      let row = readings.get(text) ?? known.get(text);
      if (row === undefined) {
        // A copy: otherwise an unchanged row would keep the whole answer in memory.
        const own = ownText(text);
        row = { text: own, reading: readRow(own, clock, tracksGpus) };
      }
      readings.set(row.text, row);
      return row;
    };
    const snapshot = await inTurns(readRows(output, readKnown));
    this.#known = readings;
    this.#aheadMs = aheadMs;
    this.#tracksGpus = tracksGpus;
    return snapshot;
  }
}

/**
 * A few bytes of a row can name tens of thousands of tasks: each counts towards a turn. The number in a faulty row is
 * unknown, so it takes a turn of its own.
 */
function* readRows(output: string, read: (text: string) => KnownRow): Reading<QueueSnapshot> {
  const pace = new Pace();
  const answer = new Answer(pace);
  for (const text of rowsOf(output)) {
    const row = read(text);
    yield* answer.take(row);
    if (row.reading === 'faulty' || pace.isDue(1)) yield;
  }
  answer.takeRest(output);
  return yield* answer.snapshot();
}

/** The observations of a row, or that it can't be read. */
type RowReading = readonly JobObservation[] | 'faulty';

interface KnownRow {
  readonly text: string;
  readonly reading: RowReading;
}

/** The complete rows of an answer. */
function* rowsOf(output: string): Generator<string> {
  let from = 0;
  for (let end = output.indexOf(ROW_END); end !== -1; end = output.indexOf(ROW_END, from)) {
    if (output[from] === '\n') from += 1;
    if (end - from > MAX_ROW) throw new UnreadableAnswer('squeue prints a row that is longer than any');
    yield output.slice(from, end);
    from = end + 1;
  }
}

/** Of unreadable rows, in UTF-16 units: output with more isn't squeue's. */
const MAX_FAULTY = 4 * MAX_ROW;
/** The cost of each of them. */
const A_FAULTY_ROW = 1024;

/** One answer of squeue, row by row. */
class Answer {
  readonly #seen = new Map<string, { readonly observation: JobObservation; readonly row: string }>();
  readonly #contradicted = new Set<string>();
  readonly #faultyRows: string[] = [];
  readonly #made = new Budget(MAX_OBSERVATIONS, 'jobs and tasks');
  readonly #pace: Pace;
  #faulty = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  *take({ text: row, reading }: KnownRow): Reading<void> {
    if (reading === 'faulty') {
      this.#fail(row);
      return;
    }
    this.#made.take(reading.length);
    for (const observation of reading) {
      const { slurmJobId } = observation;
      const known = this.#seen.get(slurmJobId);
      if (known === undefined) {
        this.#seen.set(slurmJobId, { observation, row });
      } else if (known.row !== row) {
        if (!this.#contradicted.has(slurmJobId)) this.#fail(known.row);
        this.#contradicted.add(slurmJobId);
        this.#fail(row);
      }
      if (this.#pace.isDue(1)) yield;
    }
  }

  /** What follows the last complete row is no row. */
  takeRest(output: string): void {
    const rest = output.slice(output.lastIndexOf(ROW_END) + 1);
    if (rest.trim() !== '') this.#fail(rest);
  }

  *snapshot(): Reading<QueueSnapshot> {
    const certain: JobObservation[] = [];
    for (const [slurmJobId, { observation }] of this.#seen) {
      if (!this.#contradicted.has(slurmJobId)) certain.push(observation);
      if (this.#pace.isDue(1)) yield;
    }
    return { observations: yield* joinComponents(certain, this.#pace), faultyRows: this.#faultyRows };
  }

  #fail(row: string): void {
    if (this.#faultyRows.at(-1) === row) return;
    this.#faulty += row.length + A_FAULTY_ROW;
    if (this.#faulty > MAX_FAULTY) throw new UnreadableAnswer("squeue prints too much that isn't its own");
    this.#faultyRows.push(row);
  }
}

/** A row of our job with a value that Slurm can't produce is as faulty as a malformed one. */
function readRow(row: string, clock: ClusterClock, tracksGpus: boolean): RowReading {
  try {
    return readFields(row, clock, tracksGpus);
  } catch (cause) {
    if (cause instanceof UnreadableAnswer) return 'faulty';
    throw cause;
  }
}

function readFields(row: string, clock: ClusterClock, tracksGpus: boolean): RowReading {
  const fields = row.split(FIELD_END, QUEUE_FIELDS.length + 2);
  // Each field ends with a separator, so the last part is empty.
  if (fields.length !== QUEUE_FIELDS.length + 1) return 'faulty';
  const [id = '', word = '', exit = '', start = '', end = '', restarts = '', nodes = '', partition = '', why = ''] =
    fields;
  const [tres = '', timeLimit = '', command = '', workDir = ''] = fields.slice(QUEUE_FIELDS.indexOf('tres-alloc'));
  const owner = ownership(command, workDir);
  if (owner.ownerId === null && owner.directoryJobId === null) return [];
  const ids = jobIds(id);
  if (ids === null) return 'faulty';
  const reason = textValue(why);
  const state = jobState(word, reason);
  const isWaiting = state === 'PENDING' || state === 'HELD';
  const hasEnded = state !== null && !isActiveState(state);
  // While a job waits, squeue shows the scheduler's estimate in the same column.
  const [startedAt, estimatedStartAt] = isWaiting ? [null, clock.instant(start)] : [clock.pastInstant(start), null];
  const restarted = numberValue(restarts, MAX_RESTARTS, 'number of restarts');
  const nodeList = textValue(nodes, MAX_NODE_LIST);
  // While a job waits, squeue shows its request in the same column.
  const hasNodes = !isWaiting && nodeList !== null;
  const allocated = hasNodes ? parseAllocation(tres, durationSeconds(timeLimit), tracksGpus) : null;
  return ids.map((slurmJobId) => ({
    source: 'SQUEUE',
    slurmJobId,
    ...owner,
    state,
    word: bounded(word, MAX_NAME),
    reason,
    ...scriptEnd(exit, state, reason),
    attempt: restarted === null ? null : restarted + 1,
    startedAt,
    endedAt: hasEnded ? clock.pastInstant(end) : null,
    estimatedStartAt,
    nodeList,
    partition: textValue(partition),
    allocated,
    components: [],
  }));
}
