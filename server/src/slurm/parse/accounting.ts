import type { JobAttempt } from '../../domain/attempt.ts';
import { isActiveState } from '../../domain/job-state.ts';
import type { JobObservation } from '../../domain/observation.ts';
import { ownership } from '../owner.ts';
import { jobState } from '../states.ts';
import { parseAllocation } from './allocation.ts';
import { type ClusterClock, SAME_CLOCK } from './clock.ts';
import { joinComponents } from './components.ts';
import { jobIds } from './job-ids.ts';
import { FIELD_END } from './queue.ts';
import { scriptEnd, textValue, timeValue } from './values.ts';

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
  /** When it was submitted first; null: it doesn't say. */
  readonly submittedAt: Date | null;
  /** Its last attempt. */
  readonly latest: JobObservation & { readonly attempt: number };
  /** The attempts that a requeue closed, the first one first. */
  readonly closed: readonly JobAttempt[];
}

interface Row {
  readonly submitted: number;
  readonly submittedAt: Date | null;
  /** It stood for several tasks. */
  readonly isShared: boolean;
  readonly observation: JobObservation;
}

/**
 * Our jobs' accounts. A job has one row an attempt, since a requeue closes the old row and opens another with a new
 * time of submission (man sacct, --duplicates). A heterogeneous job has one row a component, and the tasks of an array
 * that never started share a row, `31_[1-5]`.
 *
 * Without `hasExactCodes`, a code may be 128 less than the script's own. Of the latest attempt its marker may tell more;
 * of those that are closed nothing does, so they have none.
 */
export function parseAccounting(
  output: string,
  clock: ClusterClock = SAME_CLOCK,
  hasExactCodes = false,
  tracksGpus = false,
): readonly JobAccount[] {
  const lines = output.split('\n').map((line) => line.split(FIELD_END));
  // Without the last field, where sacct doesn't have it.
  const whole = lines.filter(({ length }) => [0, 1].includes(ACCOUNTING_FIELDS.length - length));
  const rows = withOwners(whole).flatMap((fields) => parseFields(fields, clock, tracksGpus));
  const own = rowsByJob(rows.filter(({ isShared }) => !isShared));
  const shared = rowsByJob(rows.filter(({ isShared }) => isShared));
  // Once a task has rows of its own, those that it shared say no more of it.
  const others = [...shared].flatMap(([key, ofTask]) => (own.has(key) ? [] : [ofTask]));
  const attempts: JobObservation[][] = [];
  const submissions = new Map<string, Date | null>();
  for (const ofJob of [...own.values(), ...others]) {
    const sorted = ofJob.toSorted((left, right) => left.submitted - right.submitted);
    const [first] = sorted;
    if (first !== undefined) submissions.set(keyOf(first.observation), first.submittedAt);
    for (const [index, observation] of runs(sorted).entries()) {
      attempts[index] ??= [];
      attempts[index].push({ ...observation, attempt: index + 1 });
    }
  }
  const accounts = new Map<string, JobAccount>();
  // The components of one attempt are put together before attempts are, since each has rows of its own.
  for (const observation of attempts.flatMap(joinComponents)) {
    const key = keyOf(observation);
    const earlier = accounts.get(key);
    const closed = earlier === undefined ? [] : [...earlier.closed, closedAttempt(earlier.latest, hasExactCodes)];
    const submittedAt =
      submissions.get(key) ??
      submissions.get(keyOf({ ...observation, slurmJobId: `${observation.slurmJobId}+0` })) ??
      null;
    accounts.set(key, { submittedAt, latest: { ...observation, attempt: observation.attempt ?? 1 }, closed });
  }
  return [...accounts.values()];
}

/**
 * One observation an attempt. A job that gives nodes back, or loses one with --no-kill, has its row closed and another
 * one opened, as by a requeue, though the same run goes on (tried on 24.11.5: RESIZING, RestartCnt stays).
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

/** Slurm's words for an attempt that was put back into the queue: it is over, though its job is not. */
const PUT_BACK = /^REQUEUED\b/;

function closedAttempt(latest: JobAccount['latest'], hasExactCodes: boolean): JobAttempt {
  const { attempt, state, word, exitCode, signal, startedAt, endedAt, nodeList } = latest;
  // The row of an attempt is closed late, after a time without slurmdbd: till then it tells no end.
  const isOpen = state === null || (isActiveState(state) && !PUT_BACK.test(word ?? ''));
  const code = exitCode === 0 || hasExactCodes ? exitCode : null;
  return { number: attempt, outcome: isOpen ? null : word, exitCode: code, signal, startedAt, endedAt, nodeList };
}

function rowsByJob(rows: readonly Row[]): Map<string, Row[]> {
  return Map.groupBy(rows, ({ observation }) => keyOf(observation));
}

function keyOf({ slurmJobId, ownerId, folderId }: Pick<JobObservation, 'slurmJobId' | 'ownerId' | 'folderId'>): string {
  return `${slurmJobId} ${ownerId ?? folderId}`;
}

const NAME = ACCOUNTING_FIELDS.indexOf('JobName');
/** What sacct calls a job of which it hasn't been told the name. */
const NAMELESS = 'allocation';

/**
 * Slurm 20.11 never tells the accounts the name and the folder of an attempt that is requeued in its first seconds. Its
 * requeue is the submission of the next attempt, at the same second, so what that one has is its own.
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

/** A row a job; none for what is no row. */
function parseFields(fields: readonly string[], clock: ClusterClock, tracksGpus: boolean): readonly Row[] {
  const [id = '', word = '', exit = '', submit = '', start = '', end = '', nodes = '', partition = ''] = fields;
  const [tres = '', limit = '', name = '', workDir = '', submitLine = ''] = fields.slice(
    ACCOUNTING_FIELDS.indexOf('AllocTRES'),
  );
  // Whole minutes, or a word.
  const timeLimitSeconds = /^\d+$/.test(limit) ? Number(limit) * 60 : null;
  const ids = jobIds(id);
  if (ids === null) return [];
  const state = jobState(word, null);
  return ids.map((slurmJobId) => ({
    submitted: timeValue(submit)?.getTime() ?? 0,
    submittedAt: clock.instant(submit),
    isShared: slurmJobId !== id,
    observation: {
      source: 'SACCT',
      slurmJobId,
      ...ownership(submitLine, workDir, name),
      state,
      word,
      reason: null,
      ...scriptEnd(exit, state, null),
      attempt: null,
      startedAt: clock.instant(start),
      endedAt: clock.instant(end),
      estimatedStartAt: null,
      nodeList: textValue(nodes),
      partition: textValue(partition),
      allocated: parseAllocation(tres, timeLimitSeconds, tracksGpus),
      components: [],
    },
  }));
}
