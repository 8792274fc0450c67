import { isActiveState } from '../../domain/job-state.ts';
import type { JobObservation } from '../../domain/observation.ts';
import { isOurName } from '../job-name.ts';
import { jobState } from '../states.ts';
import { type ClusterClock, SAME_CLOCK } from './clock.ts';
import { joinComponents } from './components.ts';
import { jobIds } from './job-ids.ts';
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
 * Whether squeue's output ends before its last row does, although it may have ended well: each row is followed by a line
 * feed. One that is cut between two rows doesn't show it.
 */
export function isCutOff(output: string): boolean {
  const lastRowEnd = output.lastIndexOf(ROW_END);
  const rest = output.slice(lastRowEnd + 1);
  return rest.includes(FIELD_END) || (lastRowEnd !== -1 && !rest.endsWith('\n'));
}

/** Whether a row that can't be read is that of this job: it still shows that the job is there. */
export function mentions(
  row: string,
  job: { readonly slurmJobId: string | null; readonly slurmName: string },
): boolean {
  if (row.includes(job.slurmName)) return true;
  const [id = ''] = row.split(FIELD_END);
  const number = id.slice(id.lastIndexOf('\n') + 1).split(/[_+]/)[0];
  return number !== '' && number === job.slurmJobId?.split('_')[0];
}

/**
 * The rows of our own jobs. An array's waiting rest is one row of squeue and one observation a task here; a
 * heterogeneous job is one row a component, and one observation here. Nothing is concluded from rows that contradict
 * each other.
 */
export function parseQueue(output: string, clock: ClusterClock = SAME_CLOCK): QueueSnapshot {
  const seen = new Map<string, { readonly observation: JobObservation; readonly row: string }>();
  const contradicted = new Set<string>();
  const faultyRows: string[] = [];
  const rows = output.split(ROW_END);
  const rest = rows.pop();
  if (rest !== undefined && rest.trim() !== '') faultyRows.push(rest);
  for (const raw of rows) {
    const row = raw.replace(/^\n/, '');
    const fields = row.split(FIELD_END);
    // Each field is followed by its end, so there is one empty part behind the last.
    if (fields.length !== QUEUE_FIELDS.length + 1) {
      faultyRows.push(raw);
      continue;
    }
    const [id = '', word = '', exit = '', start = '', end = '', restarts = '', nodes = '', partition = '', why = ''] =
      fields;
    const slurmName = fields[QUEUE_FIELDS.length - 1] ?? '';
    if (!isOurName(slurmName)) continue;
    const ids = jobIds(id);
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
      const known = seen.get(slurmJobId);
      if (known !== undefined) {
        if (known.row === row) continue;
        contradicted.add(slurmJobId);
        faultyRows.push(known.row, row);
        continue;
      }
      const observation: JobObservation = {
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
      };
      seen.set(slurmJobId, { observation, row });
    }
  }
  for (const slurmJobId of contradicted) seen.delete(slurmJobId);
  return { observations: joinComponents([...seen.values()].map(({ observation }) => observation)), faultyRows };
}
