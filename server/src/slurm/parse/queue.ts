import { arrayTaskIds } from '../../domain/array-spec.ts';
import { isActiveState } from '../../domain/job-state.ts';
import type { JobObservation } from '../../domain/observation.ts';
import { isOurName } from '../job-name.ts';
import { jobState } from '../states.ts';
import { type ClusterClock, SAME_CLOCK } from './clock.ts';
import { componentId, joinComponents } from './components.ts';
import { exitStatus, textValue } from './values.ts';

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
  'Name',
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
 * The rows of our own jobs. An array's waiting rest is one row of squeue and one observation a task here; a
 * heterogeneous job is one row a component, and one observation here.
 */
export function parseQueue(output: string, clock: ClusterClock = SAME_CLOCK): QueueSnapshot {
  const observations: JobObservation[] = [];
  const faultyRows: string[] = [];
  const rows = output.split(ROW_END);
  const rest = rows.pop();
  if (rest !== undefined && rest.trim() !== '') faultyRows.push(rest);
  for (const raw of rows) {
    const fields = raw.replace(/^\n/, '').split(FIELD_END);
    // Each field is followed by its end, so there is one empty part behind the last.
    if (fields.length !== QUEUE_FIELDS.length + 1) {
      faultyRows.push(raw);
      continue;
    }
    const [id = '', word = '', exit = '', start = '', end = '', restarts = '', nodes = '', partition = '', why = ''] =
      fields;
    const slurmName = fields[QUEUE_FIELDS.length - 1] ?? '';
    if (!isOurName(slurmName)) continue;
    const ids = expandId(id);
    if (ids === null) {
      faultyRows.push(raw);
      continue;
    }
    const reason = textValue(why);
    const state = jobState(word, reason);
    const isWaiting = state === 'PENDING' || state === 'HELD';
    const hasEnded = state !== null && !isActiveState(state);
    const startTime = clock.instant(start);
    for (const slurmJobId of ids) {
      observations.push({
        source: 'SQUEUE',
        slurmJobId,
        slurmName,
        state,
        word,
        reason,
        ...(hasEnded ? exitStatus(exit) : { exitCode: null, signal: null }),
        attempt: /^\d+$/.test(restarts) ? Number(restarts) + 1 : null,
        // While a job waits, squeue shows the scheduler's estimate in the same column.
        startedAt: isWaiting ? null : startTime,
        endedAt: hasEnded ? clock.instant(end) : null,
        estimatedStartAt: isWaiting ? startTime : null,
        nodeList: textValue(nodes),
        partition: textValue(partition),
        components: [],
      });
    }
  }
  return { observations: joinComponents(observations), faultyRows };
}

/** `14`, `8_2` and `9+1` are themselves; `8_[4-6,9%2]` is every task it names. Null: none of these. */
function expandId(id: string): readonly string[] | null {
  if (/^\d+(?:_\d+)?$/.test(id) || componentId(id) !== null) return [id];
  const match = /^(\d+)_\[([^\]]+)\]$/.exec(id);
  const tasks = match?.[2] === undefined ? null : arrayTaskIds(match[2]);
  return tasks === null ? null : tasks.map((task) => `${match?.[1]}_${task}`);
}
