import type { Job } from '../../domain/job.ts';
import { isActiveState } from '../../domain/job-state.ts';
import { MAX_NODE_LIST } from '../../domain/node-list.ts';
import { type JobObservation, ownerId, type Report, type TasksObservation } from '../../domain/observation.ts';
import { TaskList } from '../../domain/task-list.ts';
import { bounded, ownText } from '../../domain/text.ts';
import { UnreadableAnswer } from '../errors.ts';
import { Owners, type OwnJobs } from '../own-jobs.ts';
import { type Ownership, ownership } from '../owner.ts';
import { jobState } from '../states.ts';
import { parseAllocation } from './allocation.ts';
import { type ClusterClock, SAME_CLOCK } from './clock.ts';
import { componentId } from './components.ts';
import { afterRows, FIELD_END, type QueueEnds, queueEnds, RECORDED } from './ends.ts';
import { KeptRows, NOBODYS } from './kept-rows.ts';
import { limitOfShared, MAX_NAME, MAX_PATH, MAX_RESTARTS, MAX_ROW, MAX_TEXT } from './limits.ts';
import { type KnownRow, QueueAnswer, type QueueSnapshot, type RowReading } from './queue-answer.ts';
import { atOnce, inTurns, Pace } from './turns.ts';
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

/** How many fields precede the two paths. */
const OWN_FIELDS = QUEUE_FIELDS.indexOf('Command');

/** What ends a field. The last one before the paths ends as they do, so the paths are found by that end alone. */
export function endOf(field: (typeof QUEUE_FIELDS)[number], ends: QueueEnds): string {
  if (field === 'WorkDir') return ends.row;
  return field === 'TimeLimit' || field === 'Command' ? ends.path : FIELD_END;
}

/**
 * Whether squeue's output ends within a row, even with exit code 0: each row is followed by a line feed. A cut between
 * two rows can't be seen.
 */
export function isCutOff(output: string, ends: QueueEnds): boolean {
  const rest = afterRows(output, ends.row);
  return rest.includes(FIELD_END) || (rest.length < output.length && !rest.endsWith('\n'));
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
 * The rows of our own jobs. The waiting rest of an array is one row of squeue, and stays one observation: a few bytes
 * may name tens of thousands of tasks, of which none may be known. A heterogeneous job is one row for each component,
 * and becomes one observation. Nothing is concluded from rows that contradict each other. Throws UnreadableAnswer for
 * output that is not squeue's.
 */
export function parseQueue(
  output: string,
  clock: ClusterClock = SAME_CLOCK,
  tracksGpus = false,
  ends = queueEnds(RECORDED),
): QueueSnapshot {
  return atOnce(readRows(output, ends, (text) => readRow(text, clock, tracksGpus), askNobody));
}

/**
 * Reads squeue's answers one after another, as `parseQueue` does. An unchanged row gives the very same observation, and
 * costs almost nothing: most rows of large queues are unchanged. Nothing is kept of rows that are of no job of ours: a
 * cluster can print any number of them.
 */
export class QueueReader {
  readonly #owners: Owners | null;
  #known: ReadonlyMap<string, KnownRow> = new Map();
  #aheadMs = 0;
  #tracksGpus = false;

  /** `jobs`: those that rows may be of; null: whoever has a job's directory or batch script. */
  constructor(jobs: OwnJobs | null = null) {
    this.#owners = jobs === null ? null : new Owners(jobs);
  }

  async read(output: string, ends: QueueEnds, clock: ClusterClock, tracksGpus = false): Promise<QueueSnapshot> {
    // Another answer may correct the clock meanwhile: rows read before that are read again.
    const { aheadMs } = clock;
    const isAlike = aheadMs === this.#aheadMs && tracksGpus === this.#tracksGpus;
    const known = isAlike ? this.#known : new Map<string, KnownRow>();
    const owners = this.#owners?.look() ?? null;
    const kept = new KeptRows(owners);
    const readKnown = (text: string): KnownRow | null => {
      const before = kept.rows.get(text) ?? known.get(text);
      // There may be room now for what was too much in the last answer.
      if (before !== undefined && before.reading !== 'faulty') return kept.keep(before);
      const parts = partsOf(text);
      if (parts === 'nobodys') return NOBODYS;
      const isOurs = parts === 'faulty' || owners === null || owners.has(ownerIn(parts));
      if (isOurs !== true) return isOurs === null ? null : NOBODYS;
      if (typeof parts === 'object' && !kept.hasRoom(parts.fields[0] ?? '')) return NOBODYS;
      // A copy: otherwise an unchanged row would keep the whole answer in memory.
      return kept.keep(readRow(ownText(text), clock, tracksGpus));
    };
    const ask = async (texts: readonly string[]) => {
      const ids = texts.map(partsOf).flatMap((parts) => (typeof parts === 'string' ? [] : [ownerIn(parts)]));
      await owners?.ask(new Set(ids));
    };
    const snapshot = await inTurns(readRows(output, ends, readKnown, ask));
    owners?.end();
    this.#known = kept.rows;
    this.#aheadMs = aheadMs;
    this.#tracksGpus = tracksGpus;
    return snapshot;
  }
}

/** So many rows wait until it is known whose they are. */
const ASKED_TOGETHER = 1000;

/**
 * A row may list tens of thousands of ranges, and nothing says how many a faulty one has: it takes a turn of its own.
 * `read`: null if `ask` has to be called before, or tells nothing.
 */
function* readRows<T extends Promise<void> = never>(
  output: string,
  ends: QueueEnds,
  read: (text: string) => KnownRow | null,
  ask: (texts: readonly string[]) => T,
): Generator<T | undefined, QueueSnapshot, undefined> {
  const pace = new Pace();
  const answer = new QueueAnswer(pace);
  let open: string[] = [];
  for (const text of rowsOf(output, ends)) {
    const row = read(text);
    if (row === null) open.push(text);
    else yield* answer.take(row);
    if (row?.reading === 'faulty' || pace.isDue(1)) yield;
    if (open.length < ASKED_TOGETHER) continue;
    yield ask(open);
    for (const one of open) yield* answer.take(read(one) ?? NOBODYS);
    open = [];
  }
  if (open.length > 0) yield ask(open);
  for (const one of open) yield* answer.take(read(one) ?? NOBODYS);
  answer.takeRest(afterRows(output, ends.row));
  return yield* answer.snapshot();
}

function askNobody(): never {
  throw new Error('All rows are read');
}

/** Ends a path in the text of a row, whatever the query asked for, so that unchanged rows have the same text. */
const NUL = '\0';

/** The complete rows of an answer: three texts with NUL between them, Slurm's own fields and the two paths. */
function* rowsOf(output: string, { path, row }: QueueEnds): Generator<string> {
  let from = 0;
  for (let end = output.indexOf(row); end !== -1; end = output.indexOf(row, from)) {
    if (output[from] === '\n') from += 1;
    const text = output.slice(from, end);
    from = end + row.length;
    const ownEnd = text.indexOf(path);
    const commandStart = ownEnd + path.length;
    const commandEnd = ownEnd === -1 ? -1 : text.indexOf(path, commandStart);
    const workDirStart = commandEnd + path.length;
    // `readFields` takes a text without NUL for no row.
    if (commandEnd === -1 || text.includes(path, workDirStart)) yield text;
    else {
      const [command, workDir] = [text.slice(commandStart, commandEnd), text.slice(workDirStart)];
      yield [text.slice(0, ownEnd), shortened(command), shortened(workDir)].join(NUL);
    }
  }
}

/** Until 22.05, the script's arguments follow its path, and may have megabytes. */
function shortened(path: string): string {
  // With the character that follows the longest path.
  return path.length > MAX_PATH ? path.slice(0, MAX_PATH + 1) : path;
}

/** A row of our job with a value that Slurm can't produce is as faulty as a malformed one. */
function readRow(text: string, clock: ClusterClock, tracksGpus: boolean): KnownRow {
  const parts = partsOf(text);
  if (typeof parts === 'string') return { text, reading: parts };
  if (!parts.isWhole) return { text, reading: 'faulty' };
  try {
    return { text, reading: readFields(parts, clock, tracksGpus) };
  } catch (cause) {
    if (cause instanceof UnreadableAnswer) return { text, reading: 'faulty' };
    throw cause;
  }
}

interface RowParts {
  readonly fields: readonly string[];
  readonly owner: Ownership;
  /** It has all fields, and not more than a row has room for. */
  readonly isWhole: boolean;
}

/** The job that it is of, as far as that is shown. */
function ownerIn({ owner }: RowParts): string {
  return owner.ownerId ?? owner.directoryJobId ?? '';
}

function partsOf(row: string): RowParts | 'nobodys' | 'faulty' {
  const parts = row.split(NUL, 4);
  const [own = '', command = '', workDir = ''] = parts;
  const fields = own.split(FIELD_END, OWN_FIELDS + 1);
  const isRow = parts.length === 3 && fields.length === OWN_FIELDS;
  const owner = ownership(command, workDir);
  if (owner.ownerId === null && owner.directoryJobId === null) return isRow ? 'nobodys' : 'faulty';
  return parts.length === 3 ? { fields, owner, isWhole: isRow && own.length <= MAX_ROW } : 'faulty';
}

/** Throws UnreadableAnswer for values that Slurm can't produce. */
function readFields({ fields, owner }: RowParts, clock: ClusterClock, tracksGpus: boolean): RowReading {
  const [id = '', word = '', exit = '', start = '', end = '', restarts = '', nodes = '', partition = '', why = ''] =
    fields;
  const [tres = '', timeLimit = ''] = fields.slice(QUEUE_FIELDS.indexOf('tres-alloc'));
  const place = placeOf(id);
  if (place === null) return 'faulty';
  const sharers = 'tasks' in place ? place.tasks.size : 1;
  const text = (value: string, most = MAX_TEXT) => textValue(value, limitOfShared(most, sharers));
  const reason = text(why);
  const state = jobState(word, reason);
  const isWaiting = state === 'PENDING' || state === 'HELD';
  const hasEnded = state !== null && !isActiveState(state);
  // While a job waits, squeue shows the scheduler's estimate in the same column.
  const [startedAt, estimatedStartAt] = isWaiting ? [null, clock.instant(start)] : [clock.pastInstant(start), null];
  const restarted = numberValue(restarts, MAX_RESTARTS, 'number of restarts');
  const nodeList = text(nodes, MAX_NODE_LIST);
  // While a job waits, squeue shows its request in the same column.
  const hasNodes = !isWaiting && nodeList !== null && sharers === 1;
  const allocated = hasNodes ? parseAllocation(tres, durationSeconds(timeLimit), tracksGpus) : null;
  const said: Report = {
    source: 'SQUEUE',
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
    partition: text(partition),
    allocated,
    components: [],
  };
  return { ...said, ...place };
}

/** `14`, `8_2` and `9+1` are themselves, `8_[4-6,9%2]` is the tasks that it names. Null: none of these. */
function placeOf(
  id: string,
): Pick<JobObservation, 'slurmJobId'> | Pick<TasksObservation, 'slurmArrayId' | 'tasks'> | null {
  if (/^\d{1,10}(?:_\d{1,9})?$/.test(id) || componentId(id) !== null) return { slurmJobId: id };
  const [, slurmArrayId = '', list = ''] = /^(\d{1,10})_\[([^\]]+)\]$/.exec(id) ?? [];
  const tasks = TaskList.read(list);
  if (tasks === null) return null;
  return tasks.size === 1 ? { slurmJobId: `${slurmArrayId}_${tasks.at(0)}` } : { slurmArrayId, tasks };
}
