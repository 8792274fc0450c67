import type { ClusterStatus, JobState, LogAbsence } from '../../graphql/graphql.ts';
import { JOB_STATES } from '../../lib/job-state.ts';
import { formatBytes } from '../../lib/size.ts';

/** What the last chunk of a log told of its file. */
export interface LogEnding {
  readonly absence: LogAbsence | null;
  /** How long it was when the job ended, as far as that is known. */
  readonly recordedBytes: number | null;
  /** How long it was when it was read. */
  readonly endOffset: number;
}

export interface LogSituation {
  readonly file: string;
  readonly jobState: JobState;
  readonly cluster: string;
  /** Undefined: the cluster isn't known here (yet). */
  readonly clusterStatus: ClusterStatus | undefined;
  /** Null: more may come. */
  readonly ending: LogEnding | null;
}

const ABSENCES = {
  NEVER_STARTED: 'The job never started, so it has no output.',
  NO_FOLDER:
    "The file is not there: the job's directory is no longer on the cluster. Its workspace may have been cleaned, or its " +
    'file system is not mounted on the login node. What the job wrote is not known.',
  NO_FILE:
    "The file is not there, though the job's directory is: it was removed, or the job ended before Slurm had created it.",
} as const satisfies Record<LogAbsence, string>;

/** Why no line is shown. That nothing was written is only said where the job itself left word of it. */
export function describeNothing(situation: LogSituation): string {
  const { file, jobState, ending } = situation;
  if (ending === null) return describeWaiting(situation);
  const flaw = describeFlaw(ending);
  if (flaw !== null) return flaw;
  if (ending.recordedBytes === 0) return `Nothing was written to ${file}.`;
  return `The file is empty. The job (${labelOf(jobState)}) left no record of how much it had written.`;
}

/** What is wrong with a file that was read to its end; null: nothing. */
export function describeFlaw({ absence, recordedBytes, endOffset }: LogEnding): string | null {
  if (absence !== null) return ABSENCES[absence];
  if (recordedBytes === null || recordedBytes <= endOffset) return null;
  const length = endOffset === 0 ? 'is empty now' : `has ${formatBytes(endOffset)} now`;
  return `The file ${length} and had ${formatBytes(recordedBytes)} when the job ended: it was truncated or replaced since.`;
}

function describeWaiting({ jobState, cluster, clusterStatus }: LogSituation): string {
  switch (clusterStatus) {
    case 'UNREACHABLE':
      return `${cluster} can't be reached, so it is not known what the job has written. It is shown once the cluster answers.`;
    case 'AUTH_REQUIRED':
      return `${cluster} waits for somebody to log in. Until then, it is not known what the job has written.`;
    case 'CONNECTING':
      return `Connecting to ${cluster}…`;
    case undefined:
    case 'ONLINE':
    case 'DEGRADED':
    case 'IDLE':
  }
  if (jobState === 'RUNNING') return 'Nothing has arrived yet. Lines appear here as the job writes them.';
  return JOB_STATES[jobState].isActive
    ? `The job is ${labelOf(jobState)}. Lines appear here once it writes them.`
    : 'Asking the cluster for it…';
}

function labelOf(state: JobState): string {
  return JOB_STATES[state].label.toLowerCase();
}
