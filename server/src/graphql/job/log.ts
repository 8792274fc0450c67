import { isArray, type Job, type LOG_STREAMS } from '../../domain/job.ts';
import { LOG_ABSENCES, type LogAbsence, type LogChunk } from '../../domain/log-chunk.ts';
import { MOST_LAST_LINES, readLog } from '../../logs/index.ts';
import { builder } from '../builder.ts';
import type { GraphQLContext } from '../context.ts';
import { fault } from '../faults.ts';

/** Of `Job.log`. */
export const DEFAULT_LOG_BYTES = 65_536;

export const LogStreamRef = builder.enumType('LogStream', {
  description: "One of a job's two output files.",
  values: {
    STDOUT: { description: 'Standard output.' },
    STDERR: { description: 'Standard error.' },
  } satisfies Record<(typeof LOG_STREAMS)[number], { description: string }>,
});

const ABSENCES = {
  NEVER_STARTED: 'The job never started, so nothing was written.',
  NO_FOLDER:
    "The job's directory is not on the cluster (any more): the workspace was cleaned, or its file system is not mounted on " +
    'the login node.',
  NO_FILE:
    "The job's directory exists, but the file does not: it was removed, or the job ended before Slurm had created it.",
} as const satisfies Record<LogAbsence, string>;

export const LogAbsenceRef = builder.enumType('LogAbsence', {
  description: 'Why a job that is over has no log file.',
  values: Object.fromEntries(LOG_ABSENCES.map((name) => [name, { description: ABSENCES[name] }])) as Record<
    LogAbsence,
    { description: string }
  >,
});

export const LogChunkRef = builder.objectRef<LogChunk>('LogChunk').implement({
  description: 'A part of a log file. Offsets count bytes from the beginning of the file.',
  fields: (t) => ({
    startOffset: t.expose('startOffset', { type: 'SafeInt', description: 'Offset of the first byte of `text`.' }),
    endOffset: t.expose('endOffset', {
      type: 'SafeInt',
      description: 'Offset of the first byte after `text`. Pass it as `after` to continue exactly here.',
    }),
    text: t.exposeString('text', {
      description: 'The text. A character is never split; bytes that are not UTF-8 are shown as U+FFFD.',
    }),
    isReset: t.exposeBoolean('isReset', {
      description:
        'The file was truncated or replaced. Discard what was read before; the log starts again at `startOffset`.',
    }),
    isComplete: t.exposeBoolean('isComplete', { description: 'This is the last chunk.' }),
    absence: t.expose('absence', {
      type: LogAbsenceRef,
      nullable: true,
      description:
        'On the last chunk: why there is no file (any more). If the log is empty and this is null, the file is empty. Null: there ' +
        'is a file, or this is not the last chunk.',
    }),
    recordedBytes: t.expose('recordedBytes', {
      type: 'SafeInt',
      nullable: true,
      description:
        'On the last chunk: the length of the file when the job ended, as its batch script recorded it. More than `endOffset`: ' +
        'the file was truncated or replaced since. Null: the job left no record, for example because it was killed, or this is not the last chunk.',
    }),
  }),
});

export async function readJobLog(
  job: Job,
  args: {
    readonly stream?: (typeof LOG_STREAMS)[number] | null | undefined;
    readonly offset?: number | null | undefined;
    readonly limit?: number | null | undefined;
    readonly lastLines?: number | null | undefined;
  },
  { clusters, work }: GraphQLContext,
): Promise<LogChunk | null> {
  const wrong = faultInLines(args.offset, args.lastLines);
  if (wrong !== null) throw fault('BAD_USER_INPUT', wrong);
  if (isArray(job) || job.workDir === null) return null;
  const { stream, offset, limit, lastLines } = args;
  const request = {
    stream: stream ?? 'STDOUT',
    offset: offset ?? 0,
    limit: limit ?? DEFAULT_LOG_BYTES,
    lastLines: lastLines ?? null,
  };
  const chunk = await withLogFile(job, clusters, (files) => readLog(files, job, request));
  work.texts(chunk?.text ?? null);
  return chunk;
}

function faultInLines(offset: number | null | undefined, lastLines: number | null | undefined): string | null {
  if (lastLines == null) return null;
  if (lastLines < 1 || lastLines > MOST_LAST_LINES) {
    return `lastLines is ${lastLines}: ask for 1 to ${MOST_LAST_LINES}`;
  }
  return offset == null || offset === 0 ? null : 'lastLines: leave out offset, which names another place';
}

export async function withLogFile<T>(
  job: Job,
  clusters: GraphQLContext['clusters'],
  read: (files: Parameters<typeof readLog>[0]) => Promise<T>,
): Promise<T> {
  if (clusters.get(job.clusterName) === null)
    throw fault('CLUSTER_UNAVAILABLE', `${job.clusterName} is no longer in clusters.yaml`);
  try {
    return await read(clusters.files(job.clusterName));
  } catch (cause) {
    throw fault('CLUSTER_UNAVAILABLE', `The log can't be read: ${cause instanceof Error ? cause.message : cause}`);
  }
}
