import type { JobAttempt } from '../../domain/attempt.ts';
import { isActiveState } from '../../domain/job-state.ts';
import type { JobObservation } from '../../domain/observation.ts';
import { bounded } from '../../domain/text.ts';
import { UnreadableAnswer } from '../errors.ts';
import { ownership } from '../owner.ts';
import { jobState } from '../states.ts';
import { parseAllocation } from './allocation.ts';
import { type ClusterClock, SAME_CLOCK } from './clock.ts';
import { componentId, joinComponents } from './components.ts';
import { type AccountingForm, accountingForm, accountRows, RECORDED } from './ends.ts';
import { jobIds } from './job-ids.ts';
import { Budget, MAX_ATTEMPTS, MAX_NAME, MAX_NODE_LIST, MAX_OBSERVATIONS, MAX_ROW } from './limits.ts';
import { atOnce, Pace, type Reading } from './turns.ts';
import { isDoubtfulSignal, numberValue, scriptEnd, textValue, timeValue } from './values.ts';

/** sacct's output fields, in the order in which `parseAccounting` reads them. All but the last exist since 20.11. */
export const ACCOUNTING_FIELDS = [
  'JobID',
  'State',
  'ExitCode',
  'Submit',
  'Start',
  'End',
  'NodeList',
  'Partition',
  'AllocTRES',
  'TimelimitRaw',
  'JobName',
  'WorkDir',
  // Since 21.08.
  'SubmitLine',
] as const;

/** What Slurm's accounting says of one job. */
export interface JobAccount {
  /** When it was first submitted; null: not known. */
  readonly submittedAt: Date | null;
  /** Its last attempt. */
  readonly latest: JobObservation & { readonly attempt: number };
  /** The attempts that a requeue closed, the first one first. */
  readonly closed: readonly JobAttempt[];
}

/** Accounts, and the numbers of jobs (for tasks, of their array) with unreadable rows: nothing is known of these. */
export interface Accounts {
  readonly accounts: readonly JobAccount[];
  readonly unread: ReadonlySet<string>;
}

interface Row {
  readonly submitted: number;
  readonly submittedAt: Date | null;
  /** The row stood for several tasks. */
  readonly isShared: boolean;
  readonly observation: JobObservation;
}

/**
 * The accounts of our jobs. A job has one row for each attempt, because a requeue closes the old row and opens another
 * with a new time of submission (man sacct, --duplicates). A heterogeneous job has one row for each component, and the
 * tasks of an array that never started share a row, `31_[1-5]`.
 *
 * Without `hasExactCodes`, a code may be 128 less than the script's own. The record of the latest attempt may decide
 * it; closed attempts have no other source, so they get no code. Throws UnreadableAnswer for output that is not
 * sacct's.
 */
export function parseAccounting(
  output: string,
  clock: ClusterClock = SAME_CLOCK,
  hasExactCodes = false,
  tracksGpus = false,
  form = accountingForm(RECORDED, ACCOUNTING_FIELDS),
): Accounts {
  return atOnce(readAccounting(output, form, clock, hasExactCodes, tracksGpus));
}

/** `parseAccounting`, yielding to the event loop. */
export function* readAccounting(
  output: string,
  form: AccountingForm,
  clock: ClusterClock,
  hasExactCodes: boolean,
  tracksGpus: boolean,
): Reading<Accounts> {
  const pace = new Pace();
  const unread = new Set<string>();
  const rowsByJob = new Map<string, Row[]>();
  const made = new Budget(MAX_OBSERVATIONS, 'jobs and tasks');
  for (const fields of withOwners(yield* wholeRows(output, form, unread, pace))) {
    const rows = readFields(fields, clock, tracksGpus);
    if (rows === 'faulty') {
      unread.add(numberOf(fields[0] ?? ''));
      yield;
      continue;
    }
    made.take(rows.length);
    for (const row of rows) {
      const key = keyOf(row.observation);
      const ofJob = rowsByJob.get(key);
      if (ofJob === undefined) rowsByJob.set(key, [row]);
      else ofJob.push(row);
    }
    // A faulty row may have named more tasks than there can be.
    if (rows.length === 0 || pace.isDue(1 + rows.length)) yield;
  }
  const accounts: JobAccount[] = [];
  for (const rows of rowsByJob.values()) {
    if (!unread.has(numberOf(rows[0]?.observation.slurmJobId ?? ''))) accounts.push(...accountOf(rows, hasExactCodes));
    if (pace.isDue(rows.length)) yield;
  }
  return { accounts, unread };
}

/** The account from the rows of one job or task; undefined if there are none. */
function accountOf(rows: readonly Row[], hasExactCodes: boolean): readonly JobAccount[] {
  // Once a task has rows of its own, the shared ones no longer apply to it.
  const own = rows.filter(({ isShared }) => !isShared);
  const attempts: JobObservation[][] = [];
  const submissions = new Map<string, Date | null>();
  for (const [part, ofPart] of Map.groupBy(own.length > 0 ? own : rows, ({ observation }) => observation.slurmJobId)) {
    const sorted = ofPart.toSorted((left, right) => left.submitted - right.submitted);
    submissions.set(part, sorted[0]?.submittedAt ?? null);
    for (const [index, observation] of runs(sorted).entries()) {
      attempts[index] ??= [];
      attempts[index].push({ ...observation, attempt: index + 1 });
    }
  }
  // The components of an attempt are joined before attempts are, because each has rows of its own.
  const joined = attempts
    .flatMap((ofAttempt) => atOnce(joinComponents(ofAttempt, new Pace())))
    .map((observation) => ({ ...observation, attempt: observation.attempt ?? 1 }));
  const latest = joined.pop();
  if (latest === undefined) return [];
  const { slurmJobId } = latest;
  return [
    {
      submittedAt: submissions.get(slurmJobId) ?? submissions.get(`${slurmJobId}+0`) ?? null,
      latest,
      closed: joined.slice(-MAX_ATTEMPTS).map((one) => closedAttempt(one, hasExactCodes)),
    },
  ];
}

/** The fields of each row. `unread` gets the numbers of what is no row. */
function* wholeRows(
  output: string,
  form: AccountingForm,
  unread: Set<string>,
  pace: Pace,
): Reading<readonly (readonly string[])[]> {
  const rows: (readonly string[])[] = [];
  for (const fields of accountRows(output, form)) {
    if (fields.length === form.fields.length) rows.push(fields);
    else unread.add(numberOf(fields[0] ?? ''));
    if (pace.isDue(1)) yield;
  }
  unread.delete('');
  return rows;
}

/** The number of a job; for a task or a component, that of the whole. */
function numberOf(slurmJobId: string): string {
  return /^\d*/.exec(slurmJobId)?.[0] ?? '';
}

/**
 * One observation for each attempt. When a job gives nodes back, or loses one with --no-kill, its row is closed and
 * another opened, as by a requeue, although the same run continues (tried on 24.11.5: RESIZING, RestartCnt stays).
 */
function runs(sorted: readonly Row[]): readonly JobObservation[] {
  const attempts: JobObservation[] = [];
  let began: Date | null = null;
  for (const [index, { observation }] of sorted.entries()) {
    const startedAt: Date | null = began ?? observation.startedAt;
    const goesOn = /^RESIZING\b/.test(observation.word ?? '') && index < sorted.length - 1;
    if (!goesOn) attempts.push(startedAt === observation.startedAt ? observation : { ...observation, startedAt });
    began = goesOn ? startedAt : null;
  }
  return attempts;
}

/** Slurm's words for an attempt that was put back into the queue: it is over, but its job is not. */
const PUT_BACK = /^REQUEUED\b/;

function closedAttempt(latest: JobAccount['latest'], hasExactCodes: boolean): JobAttempt {
  const { attempt, state, word, exitCode, signal, startedAt, endedAt, nodeList } = latest;
  // After a time without slurmdbd, the row of an attempt is closed late: until then it shows no end.
  const isOpen = state === null || (isActiveState(state) && !PUT_BACK.test(word ?? ''));
  const code = exitCode === 0 || hasExactCodes ? exitCode : null;
  // No record is looked up for an attempt that is over.
  const sure = isDoubtfulSignal(signal) ? null : signal;
  return { number: attempt, outcome: isOpen ? null : word, exitCode: code, signal: sure, startedAt, endedAt, nodeList };
}

/** The same of all components of a heterogeneous job. */
function keyOf({
  slurmJobId,
  ownerId,
  directoryJobId,
}: Pick<JobObservation, 'slurmJobId' | 'ownerId' | 'directoryJobId'>): string {
  return `${componentId(slurmJobId)?.leader ?? slurmJobId} ${ownerId ?? directoryJobId}`;
}

const NAME = ACCOUNTING_FIELDS.indexOf('JobName');
/** The name in sacct of a job whose name was never reported to it. */
const NAMELESS = 'allocation';

/**
 * Slurm 20.11 never records the name and the directory of an attempt that is requeued in its first seconds. Its requeue
 * is the submission of the next attempt, in the same second, so it takes that attempt's values.
 */
function withOwners(lines: readonly (readonly string[])[]): readonly (readonly string[])[] {
  if (!lines.some((fields) => fields[NAME] === NAMELESS)) return lines;
  const submissions = new Map<string, readonly string[]>();
  const latestFirst = lines.toSorted((left, right) => Number(right[3]) - Number(left[3]));
  return latestFirst.map((fields) => {
    const [id, , , submit, , end] = fields;
    const own = fields.slice(NAME);
    const owner = own[0] === NAMELESS ? (submissions.get(`${id} ${end}`) ?? own) : own;
    submissions.set(`${id} ${submit}`, owner);
    return [...fields.slice(0, NAME), ...owner];
  });
}

function readFields(fields: readonly string[], clock: ClusterClock, tracksGpus: boolean): readonly Row[] | 'faulty' {
  if (fields.some(({ length }) => length > MAX_ROW)) return 'faulty';
  try {
    return parseFields(fields, clock, tracksGpus);
  } catch (cause) {
    if (cause instanceof UnreadableAnswer) return 'faulty';
    throw cause;
  }
}

const MAX_MINUTES = 2 ** 31 - 1;

/** The observations of a row; none if it is no row. Throws UnreadableAnswer for values that no job has. */
function parseFields(fields: readonly string[], clock: ClusterClock, tracksGpus: boolean): readonly Row[] {
  const [id = '', word = '', exit = '', submit = '', start = '', end = '', nodes = '', partition = ''] = fields;
  const [tres = '', limit = '', name = '', workDir = '', submitLine = ''] = fields.slice(
    ACCOUNTING_FIELDS.indexOf('AllocTRES'),
  );
  // Whole minutes, or a word.
  const minutes = numberValue(limit, MAX_MINUTES, 'time limit');
  const timeLimitSeconds = minutes === null ? null : minutes * 60;
  const ids = jobIds(id);
  if (ids === null) return [];
  const state = jobState(word, null);
  const [submitted, submittedAt] = [timeValue(submit)?.getTime() ?? 0, clock.pastInstant(submit)];
  // The same for each task that shares the row.
  const said: Omit<JobObservation, 'slurmJobId'> = {
    source: 'SACCT',
    ...ownership(submitLine, workDir, name),
    state,
    word: bounded(word, MAX_NAME),
    reason: null,
    ...scriptEnd(exit, state, null),
    attempt: null,
    startedAt: clock.pastInstant(start),
    endedAt: clock.pastInstant(end),
    estimatedStartAt: null,
    nodeList: textValue(nodes, MAX_NODE_LIST),
    partition: textValue(partition),
    allocated: parseAllocation(tres, timeLimitSeconds, tracksGpus),
    components: [],
  };
  return ids.map((slurmJobId) => ({
    submitted,
    submittedAt,
    isShared: slurmJobId !== id,
    observation: { ...said, slurmJobId },
  }));
}
