import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Session } from '../auth/index.ts';
import type { Job } from '../domain/job.ts';
import {
  type ErrorCode,
  type LogAddress,
  logRefusal,
  type OpenedLog,
  openLog,
  type Services,
} from '../graphql/index.ts';
import { type ByteRange, byteRange } from './byte-range.ts';
import type { OpenStreams } from './open-streams.ts';
import { sendError } from './respond.ts';

/** Each that isn't read holds some 128 KiB. */
export const MOST_DOWNLOADS = 500;
/** Up to so many are read ahead of their readers; with more, the cluster would be asked for too much at a time. */
const MOST_READ_AHEAD = 16;
const LONGEST_NAME = 80;
/** Small, so that little waits for a reader that is slow. */
const PART_BYTES = 64 * 1024;
/** A reader that doesn't take a part in this time is not read ahead for. */
const PATIENCE_MS = 1_000;

type Refusal = Exclude<OpenedLog, { readonly kind: 'file' }>;
type File = Extract<OpenedLog, { readonly kind: 'file' }>['file'];
type ReadingOptions = Parameters<File['bytes']>[2];

const REFUSALS: Readonly<Record<Refusal['kind'], readonly [status: number, code: ErrorCode]>> = {
  missing: [404, 'NOT_FOUND'],
  denied: [403, 'FORBIDDEN'],
  broken: [502, 'CLUSTER_UNAVAILABLE'],
  unavailable: [503, 'CLUSTER_UNAVAILABLE'],
};

/** Logs as files. */
export class LogDownloads {
  readonly #services: Services;
  readonly #streams: OpenStreams;
  #open = 0;

  constructor(services: Services, streams: OpenStreams) {
    this.#services = services;
    this.#streams = streams;
    services.metrics.gauge('slurmql_log_downloads', 'Files of logs that are sent now.', () => this.#open);
  }

  /**
   * A job's log as it is on the cluster, or the part of it that a Range header asks for. What a running job writes
   * meanwhile is not part of it. When the cluster is lost on the way the connection is cut, so that nobody takes a part
   * for the whole.
   */
  async answer(
    address: LogAddress,
    request: IncomingMessage,
    response: ServerResponse,
    session: Session | null,
  ): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      sendError(response, 405, 'METHOD_NOT_ALLOWED', 'A log can be read, with GET, and nothing else');
      return;
    }
    if (this.#streams.isFull || this.#open >= MOST_DOWNLOADS) {
      response.setHeader('retry-after', '10');
      sendError(response, 503, 'SERVER_BUSY', 'The server sends as many files as it can. Try again');
      return;
    }
    this.#open += 1;
    try {
      using _stream = this.#streams.add(session, () => response.destroy());
      await this.#send(address, request, response);
    } finally {
      this.#open -= 1;
    }
  }

  async #send(address: LogAddress, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const opened = await openLog(this.#services, address);
    if (opened.kind !== 'file') return refuse(response, opened);
    const { job, file } = opened;
    const { sizeBytes, modifiedAt } = file;
    const tag = `"${sizeBytes.toString(36)}-${modifiedAt.getTime().toString(36)}"`;
    const condition = request.headers['if-range'];
    const isSame = condition === undefined || condition === tag;
    const range = isSame ? byteRange(request.headers.range, sizeBytes) : null;
    response.setHeader('accept-ranges', 'bytes');
    response.setHeader('cache-control', 'no-store');
    if (range === 'unsatisfiable') {
      response.setHeader('content-range', `bytes */${sizeBytes}`);
      sendError(response, 416, 'RANGE_NOT_SATISFIABLE', `The log has ${sizeBytes} bytes`);
      return;
    }
    const { start, end } = range ?? { start: 0, end: sizeBytes };
    const sending = new Sending(file, { start, end }, response, {
      signal: gone.signal,
      mayReadAhead: () => this.#open <= MOST_READ_AHEAD,
    });
    try {
      // Before it is promised.
      await sending.begin();
    } catch (cause) {
      const refusal = logRefusal(cause);
      if (gone.signal.aborted) return;
      if (refusal === null) throw cause;
      return refuse(response, refusal);
    }
    if (range !== null) response.setHeader('content-range', `bytes ${start}-${end - 1}/${sizeBytes}`);
    response.writeHead(range === null ? 200 : 206, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': end - start,
      'content-disposition': `attachment; filename="${fileName(job, address)}"`,
      'last-modified': modifiedAt.toUTCString(),
      etag: tag,
    });
    try {
      if (request.method === 'GET') await sending.goOn();
      response.end();
    } catch (cause) {
      if (!gone.signal.aborted) this.#services.log.warn({ err: cause }, 'A log could not be sent to its end');
      response.destroy();
    }
  }
}

function refuse(response: ServerResponse, { kind, message }: Refusal): void {
  const [status, code] = REFUSALS[kind];
  sendError(response, status, code, message);
}

/** The bytes of a log on their way to one reader. */
class Sending {
  readonly #file: File;
  readonly #end: number;
  readonly #response: ServerResponse;
  readonly #options: ReadingOptions;
  /** What has been given to the reader ends here. */
  #given: number;
  #pieces: AsyncGenerator<Buffer, void, undefined>;
  #first: Buffer | null = null;

  constructor(file: File, { start, end }: ByteRange, response: ServerResponse, options: ReadingOptions) {
    this.#file = file;
    this.#end = end;
    this.#response = response;
    this.#options = options;
    this.#given = start;
    this.#pieces = file.bytes(start, end, options);
  }

  /** Reads the first bytes. Throws what reading throws. */
  async begin(): Promise<void> {
    this.#first = (await this.#pieces.next()).value ?? null;
  }

  /** Gives the reader all of it. Throws what reading throws, and when the reader has gone. */
  async goOn(): Promise<void> {
    while (this.#given < this.#end) {
      if (await this.#giveWhatIsTaken()) return;
      // Nothing that was read ahead is kept for one who doesn't come for it.
      this.#pieces = this.#file.bytes(this.#given, this.#end, this.#options);
      await this.#drained();
    }
  }

  /** False: the reader takes nothing now. */
  async #giveWhatIsTaken(): Promise<boolean> {
    for (;;) {
      const piece = this.#first ?? (await this.#pieces.next()).value;
      this.#first = null;
      if (piece === undefined) return true;
      for (let from = 0; from < piece.length; from += PART_BYTES) {
        // A copy: the whole piece would wait with it otherwise.
        const part = Buffer.from(piece.subarray(from, from + PART_BYTES));
        this.#given += part.length;
        if (this.#response.write(part)) continue;
        if (!(await this.#drained(PATIENCE_MS))) return false;
      }
    }
  }

  /** False: not in that time. */
  async #drained(timeoutMs?: number): Promise<boolean> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    if (!this.#response.writableNeedDrain) return true;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const drain = () => resolve(true);
    const leave = () => reject(signal.reason);
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => resolve(false), timeoutMs);
    this.#response.once('drain', drain);
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#response.off('drain', drain);
      signal.removeEventListener('abort', leave);
    }
  }
}

/** Of letters, digits, dots and dashes alone, so that it is harmless on every disk and in every header. */
function fileName(job: Pick<Job, 'name' | 'slurmJobId'>, { stream }: LogAddress): string {
  const letters = job.name
    .slice(0, LONGEST_NAME)
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  const isOuter = (letter: string) => letter === '-' || letter === '.';
  const [first, last] = [
    [...letters].findIndex((one) => !isOuter(one)),
    [...letters].findLastIndex((one) => !isOuter(one)),
  ];
  const name = first === -1 ? '' : letters.slice(first, last + 1).slice(0, LONGEST_NAME);
  return `${[name || 'job', job.slurmJobId].filter(Boolean).join('-')}.${stream.toLowerCase()}.log`;
}
