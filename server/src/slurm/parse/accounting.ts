import type { JobAttempt } from '../../domain/attempt.ts';
import { isActiveState } from '../../domain/job-state.ts';
import type { JobObservation } from '../../domain/observation.ts';
import { isOurName } from '../job-name.ts';
import { jobState } from '../states.ts';
import { type ClusterClock, SAME_CLOCK } from './clock.ts';
import { componentId, joinComponents } from './components.ts';
import { FIELD_END } from './queue.ts';
import { exitStatus, textValue, timeValue } from './values.ts';

/** sacct's output fields, in the order in which `parseAccounting` reads them. All exist since 20.11. */
export const ACCOUNTING_FIELDS = [
  'JobID',
  'State',
  'ExitCode',
  'Submit',
  'Start',
  'End',
  'NodeList',
  'Partition',
  'JobName',
] as const;

/** What Slurm's accounting says of one job. */
export interface JobAccount {
  /** Its last attempt. */
  readonly latest: JobObservation & { readonly attempt: number };
  /** The attempts that a requeue closed, the first one first. */
  readonly closed: readonly JobAttempt[];
}

interface Row {
  readonly submitted: number;
  readonly observation: JobObservation;
}

/**
 * Our jobs' accounts. A heterogeneous job has one row a component. A job has one row an attempt, since a requeue closes the old row and opens another with a new
 * time of submission (man sacct, --duplicates).
 */
export function parseAccounting(output: string, clock: ClusterClock = SAME_CLOCK): readonly JobAccount[] {
  const rowsById = new Map<string, Row[]>();
  for (const line of output.split('\n')) {
    const row = parseRow(line, clock);
    if (row === null) continue;
    const key = `${row.observation.slurmJobId} ${row.observation.slurmName}`;
    const rows = rowsById.get(key);
    if (rows === undefined) rowsById.set(key, [row]);
    else rows.push(row);
  }
  const attempts: JobObservation[][] = [];
  for (const rows of rowsById.values()) {
    rows.sort((left, right) => left.submitted - right.submitted);
    for (const [index, { observation }] of rows.entries()) {
      attempts[index] ??= [];
      attempts[index].push({ ...observation, attempt: index + 1 });
    }
  }
  const accounts = new Map<string, JobAccount>();
  // The components of one attempt are put together before attempts are, since each has rows of its own.
  for (const observation of attempts.flatMap(joinComponents)) {
    const key = `${observation.slurmJobId} ${observation.slurmName}`;
    const earlier = accounts.get(key);
    const closed = earlier === undefined ? [] : [...earlier.closed, closedAttempt(earlier.latest)];
    accounts.set(key, { latest: { ...observation, attempt: observation.attempt ?? 1 }, closed });
  }
  return [...accounts.values()];
}

function closedAttempt({ attempt, word, exitCode, signal, startedAt, endedAt, nodeList }: JobAccount['latest']) {
  return { number: attempt, outcome: word, exitCode, signal, startedAt, endedAt, nodeList } satisfies JobAttempt;
}

function parseRow(line: string, clock: ClusterClock): Row | null {
  const fields = line.split(FIELD_END);
  if (fields.length !== ACCOUNTING_FIELDS.length) return null;
  const [slurmJobId = '', word = '', exit = '', submit = '', start = '', end = '', nodes = '', partition = ''] = fields;
  const slurmName = fields.at(-1) ?? '';
  if (!isOurName(slurmName) || (!/^\d+(?:_\d+)?$/.test(slurmJobId) && componentId(slurmJobId) === null)) return null;
  const state = jobState(word, null);
  const hasEnded = state !== null && !isActiveState(state);
  return {
    submitted: timeValue(submit)?.getTime() ?? 0,
    observation: {
      source: 'SACCT',
      slurmJobId,
      slurmName,
      state,
      word,
      reason: null,
      ...(hasEnded ? exitStatus(exit) : { exitCode: null, signal: null }),
      attempt: null,
      startedAt: clock.instant(start),
      endedAt: clock.instant(end),
      estimatedStartAt: null,
      nodeList: textValue(nodes),
      partition: textValue(partition),
      components: [],
    },
  };
}
