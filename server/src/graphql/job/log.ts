import { isArray, type Job, type LOG_STREAMS } from '../../domain/job.ts';
import { LOG_ABSENCES, type LogAbsence, type LogChunk } from '../../domain/log-chunk.ts';
import { MOST_LAST_LINES, readLog } from '../../logs/index.ts';
import { builder } from '../builder.ts';
import type { GraphQLContext } from '../context.ts';
import { fault } from '../faults.ts';

/** Of `Job.log`. */
export const DEFAULT_LOG_BYTES = 65_536;

export const LogStreamRef = builder.enumType('LogStream', {
  description: "Which of a job's two output files.",
  values: {
    STDOUT: { description: 'Standard output.' },
    STDERR: { description: 'Standard error.' },
  } satisfies Record<(typeof LOG_STREAMS)[number], { description: string }>,
});

const ABSENCES = {
  NEVER_STARTED: 'The job never started, so nothing was written.',
  NO_FOLDER:
    "The job's folder is not on the cluster (any more): the workspace was cleaned, or its file system is not mounted on " +
    'the login node.',
  NO_FILE: 'The folder is there and the file is not: it was removed, or the job ended before Slurm had made it.',
} as const satisfies Record<LogAbsence, string>;

export const LogAbsenceRef = builder.enumType('LogAbsence', {
  description: 'Why there is no log file of a job that is over.',
  values: Object.fromEntries(LOG_ABSENCES.map((name) => [name, { description: ABSENCES[name] }])) as Record<
    LogAbsence,
    { description: string }
  >,
});

export const LogChunkRef = builder.objectRef<LogChunk>('LogChunk').implement({
  description: 'A part of a log file. Offsets count bytes from the beginning of the file.',
  fields: (t) => ({
    startOffset: t.expose('startOffset', { type: 'SafeInt', description: 'Of the first byte of `text`.' }),
    endOffset: t.expose('endOffset', {
      type: 'SafeInt',
      description: 'Of the byte behind the last one of `text`: pass it as `after` to go on exactly here.',
    }),
    text: t.exposeString('text', {
      description: 'A character is never cut in two; bytes that are no UTF-8 are shown as U+FFFD.',
    }),
    isReset: t.exposeBoolean('isReset', {
      description:
        'The file was truncated or replaced: what was read before is void, and it starts again from `startOffset`.',
    }),
    isComplete: t.exposeBoolean('isComplete', { description: 'No more will come.' }),
    absence: t.expose('absence', {
      type: LogAbsenceRef,
      nullable: true,
      description:
        'Why there is no file (any more), on the last chunk: without it, a log that is empty holds nothing. Null: there ' +
        'is a file, or more will come.',
    }),
    recordedBytes: t.expose('recordedBytes', {
      type: 'SafeInt',
      nullable: true,
      description:
        'On the last chunk: how long the file was when the job ended, as its batch script noted. More than `endOffset`: ' +
        'it was cut or replaced since. Null: the job left no note, as when it was killed, or more will come.',
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
  const cluster = clusters.get(job.clusterName);
  if (cluster === null) throw fault('CLUSTER_UNAVAILABLE', `${job.clusterName} is no longer in clusters.yaml`);
  try {
    return await read(cluster.files);
  } catch (cause) {
    throw fault('CLUSTER_UNAVAILABLE', `The log can't be read: ${cause instanceof Error ? cause.message : cause}`);
  }
}
