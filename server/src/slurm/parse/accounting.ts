import { isActiveState } from '../../domain/job-state.ts';
import type { JobObservation } from '../../domain/observation.ts';
import { isOurName } from '../job-name.ts';
import { jobState } from '../states.ts';
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

/**
 * Our jobs' rows: of several with one id the one submitted last, since a requeue closes the old row and opens another
 * (man sacct, --duplicates).
 */
export function parseAccounting(output: string): readonly JobObservation[] {
  const latest = new Map<string, { readonly submitted: number; readonly observation: JobObservation }>();
  for (const row of output.split('\n')) {
    const fields = row.split(FIELD_END);
    if (fields.length !== ACCOUNTING_FIELDS.length) continue;
    const [slurmJobId = '', word = '', exit = '', submit = '', start = '', end = '', nodes = '', partition = ''] =
      fields;
    const slurmName = fields.at(-1) ?? '';
    if (!isOurName(slurmName) || !/^\d+(?:_\d+)?$/.test(slurmJobId)) continue;
    const submitted = timeValue(submit)?.getTime() ?? 0;
    const known = latest.get(slurmJobId);
    if (known !== undefined && known.submitted > submitted) continue;
    const state = jobState(word, null);
    const hasEnded = state !== null && !isActiveState(state);
    latest.set(slurmJobId, {
      submitted,
      observation: {
        slurmJobId,
        slurmName,
        state,
        word,
        reason: null,
        ...(hasEnded ? exitStatus(exit) : { exitCode: null, signal: null }),
        attempt: null,
        startedAt: timeValue(start),
        endedAt: timeValue(end),
        estimatedStartAt: null,
        nodeList: textValue(nodes),
        partition: textValue(partition),
      },
    });
  }
  return [...latest.values()].map(({ observation }) => observation);
}
