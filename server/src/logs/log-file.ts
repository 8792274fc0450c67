import { isArray, type Job, type LogStream, logPath } from '../domain/job.ts';
import type { LogAbsence } from '../domain/log-chunk.ts';
import { RemoteFileError, type RemoteFiles, SshError, SshInterrupted } from '../ssh/index.ts';
import { findAbsence } from './absence.ts';

const REQUEST_TIMEOUT_MS = 60_000;
/**
 * Each piece is twice as long as the one before, up to the longest, so that a client that takes little costs little.
 */
const FIRST_PIECE_BYTES = 64 * 1024;
const LONGEST_PIECE_BYTES = 1024 * 1024;
/** How many of the longest pieces are read ahead. */
const PIECES_IN_FLIGHT = 3;

export interface ReadingOptions {
  readonly signal: AbortSignal;
  /** Called for each piece: whether it may be long, and others read ahead. */
  mayReadAhead(): boolean;
}

/** The file of a log as it was when it was opened, byte for byte. */
export interface LogFile {
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /**
   * The bytes from `start` up to `end`, in pieces, read no faster than they are taken. Throws what the connection
   * throws, and SshInterrupted if the file became shorter meanwhile.
   */
  bytes(start: number, end: number, options: ReadingOptions): AsyncGenerator<Buffer, void, undefined>;
}

/** `denied`, `broken`: the cluster has the log but can't serve it. `unavailable`: the cluster can't be reached. */
export interface LogRefusal {
  readonly kind: 'missing' | 'denied' | 'broken' | 'unavailable';
  readonly message: string;
}

export type OpenedLog = { readonly kind: 'file'; readonly file: LogFile } | LogRefusal;

const WORDS = {
  NEVER_STARTED: 'The job never started, so it has no log',
  NO_FOLDER: "The job's directory is no longer on the cluster: its workspace was cleaned, or is not mounted there",
  NO_FILE: "The job's directory no longer has this file, or the job ended before Slurm had created it",
} as const satisfies Record<LogAbsence, string>;

/** The log of a job, or why there is none. */
export async function openLog(files: RemoteFiles, job: Job, stream: LogStream): Promise<OpenedLog> {
  if (isArray(job)) return { kind: 'missing', message: 'An array has no log of its own; its tasks have' };
  try {
    const path = logPath(job, stream);
    const status = path === null ? null : await files.stat(path, { timeoutMs: REQUEST_TIMEOUT_MS });
    if (path !== null && status !== null) {
      const bytes: LogFile['bytes'] = (start, end, options) => bytesOf(files, path, start, end, options);
      return { kind: 'file', file: { ...status, bytes } };
    }
    const absence = await findAbsence(files, job, stream);
    return { kind: 'missing', message: absence === null ? 'The file does not exist yet' : WORDS[absence] };
  } catch (cause) {
    const refusal = logRefusal(cause);
    if (refusal === null) throw cause;
    return refusal;
  }
}

const KINDS = {
  'no-such-file': 'missing',
  'permission-denied': 'denied',
  'not-a-file': 'broken',
  failure: 'broken',
} as const;

/** The refusal for an error while a log is opened or read; null: a fault of this program. */
export function logRefusal(cause: unknown): LogRefusal | null {
  if (!(cause instanceof SshError)) return null;
  const kind = cause instanceof RemoteFileError ? KINDS[cause.fault] : 'unavailable';
  return { kind, message: `The log can't be read: ${cause.message}` };
}

async function* bytesOf(
  files: RemoteFiles,
  path: string,
  start: number,
  end: number,
  { signal, mayReadAhead }: ReadingOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces: { readonly length: number; readonly read: Promise<Buffer> }[] = [];
  let pieceBytes = FIRST_PIECE_BYTES;
  for (let asked = start, given = start; given < end; ) {
    const mostPieces = pieceBytes === LONGEST_PIECE_BYTES ? PIECES_IN_FLIGHT : 1;
    for (; asked < end && pieces.length < mostPieces; asked += pieceBytes) {
      const length = Math.min(pieceBytes, end - asked);
      const read = files.read(path, asked, length, { timeoutMs: REQUEST_TIMEOUT_MS, signal });
      // In case nobody awaits it.
      read.catch(() => {});
      pieces.push({ length, read });
    }
    const piece = pieces.shift();
    const bytes = await piece?.read;
    if (bytes === undefined || bytes.length !== piece?.length) {
      throw new SshInterrupted(`${path} became shorter while it was read`);
    }
    yield bytes;
    given += bytes.length;
    pieceBytes = mayReadAhead() ? Math.min(LONGEST_PIECE_BYTES, pieceBytes * 2) : FIRST_PIECE_BYTES;
  }
}
