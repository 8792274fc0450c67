import type { JobAttempt } from '../../domain/attempt.ts';
import { isActiveState } from '../../domain/job-state.ts';
import { MAX_NODE_LIST } from '../../domain/node-list.ts';
import type { JobObservation } from '../../domain/observation.ts';
import { bounded } from '../../domain/text.ts';
import { UnreadableAnswer } from '../errors.ts';
import { ownership } from '../owner.ts';
import { jobState } from '../states.ts';
import { ACCOUNTING_FIELDS, fieldsOfRows, numberOf, readOwners } from './account-rows.ts';
import { parseAllocation } from './allocation.ts';
import { type ClusterClock, SAME_CLOCK } from './clock.ts';
import { componentId, joinComponents } from './components.ts';
import { type AccountingForm, accountingForm, RECORDED } from './ends.ts';
import { jobIds } from './job-ids.ts';
import {
  Budget,
  limitOfShared,
  MAX_ATTEMPT_NODES,
  MAX_ATTEMPTS,
  MAX_NAME,
  MAX_OBSERVATIONS,
  MAX_RESTARTS,
  MAX_ROW,
  MAX_TEXT,
} from './limits.ts';
import { atOnce, Pace, type Reading } from './turns.ts';
import { isDoubtfulSignal, numberValue, scriptEnd, textValue, timeValue } from './values.ts';

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
  return atOnce(readAccounting(output, { numbers: null, form, clock, hasExactCodes, tracksGpus }));
}

/** What is known of an answer before it is read. */
export interface AccountingQuestion {
  /** The numbers that were asked for: no other job is read. Null: any. */
  readonly numbers: ReadonlySet<string> | null;
  readonly form: AccountingForm;
  readonly clock: ClusterClock;
  readonly hasExactCodes: boolean;
  readonly tracksGpus: boolean;
}

/** For the accounts that are kept together. */
export function accountingBudget(): Budget {
  return new Budget(MAX_OBSERVATIONS, 'jobs and tasks');
}

/** `parseAccounting`, yielding to the event loop. `budget`: of all answers whose accounts are kept together. */
export function* readAccounting(
  output: string,
  { numbers, form, clock, hasExactCodes, tracksGpus }: AccountingQuestion,
  budget = accountingBudget(),
): Reading<Accounts> {
  const pace = new Pace();
  const unread = new Set<string>();
  const rowsByJob = new Map<string, Row[]>();
  const owners = yield* readOwners(output, form, numbers, pace);
  for (const fields of fieldsOfRows(output, form, numbers)) {
    if (pace.isDue(1)) yield;
    if (fields === null) continue;
    const isWhole = fields.length === form.fields.length;
    const rows = isWhole ? readFields(owners.completed(fields), clock, tracksGpus) : 'faulty';
    if (rows === 'faulty') {
      unread.add(numberOf(fields[0] ?? ''));
      yield;
      continue;
    }
    budget.take(rows.length);
    for (const row of rows) {
      const key = keyOf(row.observation);
      const ofJob = rowsByJob.get(key);
      if (ofJob === undefined) rowsByJob.set(key, [row]);
      else ofJob.push(row);
    }
    // A faulty row may have named more tasks than there can be.
    if (rows.length === 0 || pace.isDue(rows.length)) yield;
  }
  const accounts: JobAccount[] = [];
  for (const rows of rowsByJob.values()) {
    if (pace.isDue(1)) yield;
    const number = numberOf(rows[0]?.observation.slurmJobId ?? '');
    if (unread.has(number)) continue;
    const account = yield* accountOf(rows, hasExactCodes, pace);
    if (account === null) unread.add(number);
    else accounts.push(account);
  }
  unread.delete('');
  return { accounts, unread };
}

/** The account from the rows of one job or task; null: there are more than a job can have. */
function* accountOf(rows: readonly Row[], hasExactCodes: boolean, pace: Pace): Reading<JobAccount | null> {
  const submissions = new Map<string, Date | null>();
  const attemptsOfParts: (readonly JobObservation[])[] = [];
  for (const [part, ofPart] of yield* partsOf(rows, pace)) {
    if (ofPart.length > MAX_RESTARTS + 1) return null;
    const sorted = ofPart.toSorted((left, right) => left.submitted - right.submitted);
    submissions.set(part, sorted[0]?.submittedAt ?? null);
    attemptsOfParts.push(runs(sorted));
    if (pace.isDue(ofPart.length)) yield;
  }
  const count = attemptsOfParts.reduce((most, { length }) => Math.max(most, length), 0);
  const joined: JobAccount['latest'][] = [];
  for (let index = Math.max(0, count - MAX_ATTEMPTS - 1); index < count; index += 1) {
    const attempt = index + 1;
    const parts = attemptsOfParts.flatMap((attempts) => attempts[index] ?? []);
    // The components of an attempt are joined before attempts are, because each has rows of its own.
    const wholes = yield* joinComponents(
      parts.map((part) => ({ ...part, attempt })),
      pace,
    );
    joined.push(...wholes.map((whole) => ({ ...whole, attempt })));
  }
  const latest = joined.pop();
  if (latest === undefined) return null;
  const { slurmJobId } = latest;
  return {
    submittedAt: submissions.get(slurmJobId) ?? submissions.get(`${slurmJobId}+0`) ?? null,
    latest,
    closed: joined.map((one) => closedAttempt(one, hasExactCodes)),
  };
}

/** The rows of each component of a job, or of the job itself. */
function* partsOf(rows: readonly Row[], pace: Pace): Reading<ReadonlyMap<string, readonly Row[]>> {
  const [own, shared] = [new Map<string, Row[]>(), new Map<string, Row[]>()];
  for (const row of rows) {
    const parts = row.isShared ? shared : own;
    const { slurmJobId } = row.observation;
    const known = parts.get(slurmJobId);
    if (known === undefined) parts.set(slurmJobId, [row]);
    else known.push(row);
    if (pace.isDue(1)) yield;
  }
  // Once a task has rows of its own, the shared ones no longer apply to it.
  return own.size > 0 ? own : shared;
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
  const { attempt, state, word, exitCode, signal, startedAt, endedAt } = latest;
  // After a time without slurmdbd, the row of an attempt is closed late: until then it shows no end.
  const isOpen = state === null || (isActiveState(state) && !PUT_BACK.test(word ?? ''));
  const code = exitCode === 0 || hasExactCodes ? exitCode : null;
  // No record is looked up for an attempt that is over.
  const sure = isDoubtfulSignal(signal) ? null : signal;
  const nodeList = latest.nodeList === null ? null : bounded(latest.nodeList, MAX_ATTEMPT_NODES);
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
    nodeList: textValue(nodes, limitOfShared(MAX_NODE_LIST, ids.length)),
    partition: textValue(partition, limitOfShared(MAX_TEXT, ids.length)),
    allocated: ids.length === 1 ? parseAllocation(tres, timeLimitSeconds, tracksGpus) : null,
    components: [],
  };
  return ids.map((slurmJobId) => ({
    submitted,
    submittedAt,
    isShared: slurmJobId !== id,
    observation: { ...said, slurmJobId },
  }));
}
