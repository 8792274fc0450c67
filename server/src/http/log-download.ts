import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Verdict } from '../auth/index.ts';
import type { Job } from '../domain/job.ts';
import { type ErrorCode, type LogAddress, type Services, Shares } from '../graphql/index.ts';
import { type LogFile, type LogRefusal, logRefusal, openLog, type ReadingOptions } from '../logs/index.ts';
import { askerOf } from './access.ts';
import { type ByteRange, byteRange } from './byte-range.ts';
import type { OpenStreams } from './open-streams.ts';
import { onlyReads, sendError, sendExcess } from './respond.ts';

/** A download that isn't read holds about 128 KiB. */
export const MOST_DOWNLOADS = 500;
export const MOST_DOWNLOADS_OF_ACCOUNT = 250;
/** The maximum number of downloads with read-ahead, to limit the requests to a cluster. */
const MOST_READ_AHEAD = 16;
const LONGEST_NAME = 80;
/** Small, so that a slow reader buffers little. */
const PART_BYTES = 64 * 1024;
/** A reader that takes longer for a part gets no read-ahead. */
const PATIENCE_MS = 1_000;

const REFUSALS: Readonly<Record<LogRefusal['kind'], readonly [status: number, code: ErrorCode]>> = {
  missing: [404, 'NOT_FOUND'],
  denied: [403, 'FORBIDDEN'],
  broken: [502, 'CLUSTER_UNAVAILABLE'],
  unavailable: [503, 'CLUSTER_UNAVAILABLE'],
};

/** Serves logs as files. */
export class LogDownloads {
  readonly #services: Services;
  readonly #streams: OpenStreams;
  readonly #open = new Shares({ inAll: MOST_DOWNLOADS, ofAccount: MOST_DOWNLOADS_OF_ACCOUNT }, 'log downloads');

  constructor(services: Services, streams: OpenStreams) {
    this.#services = services;
    this.#streams = streams;
    services.metrics.gauge('slurmql_log_downloads', 'Log files that are being sent.', () => this.#open.size);
  }

  /**
   * A job's log as it is on the cluster, or the part that a Range header requests, without what a running job writes
   * meanwhile. If the cluster is lost during the download, the connection is reset, so that no client takes a part for
   * the whole.
   */
  async answer(
    address: LogAddress,
    request: IncomingMessage,
    response: ServerResponse,
    viewer: Verdict & { readonly kind: 'viewer' },
  ): Promise<void> {
    if (!onlyReads(request, response, 'A log')) return;
    const { account } = askerOf(viewer);
    const excess = this.#open.excess(account) ?? this.#streams.excess(viewer);
    if (excess !== null) return sendExcess(response, excess);
    using _open = this.#open.add(account);
    using _stream = this.#streams.add(viewer, () => response.destroy());
    await this.#send(address, request, response, account);
  }

  async #send(address: LogAddress, request: IncomingMessage, response: ServerResponse, account: string): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const { store, clusters } = this.#services;
    const job = await store.readFor(() => account).jobs.get(address.jobId);
    if (job === null) return refuse(response, { kind: 'missing', message: 'Job not found' });
    const opened = await openLog(clusters.files(job.clusterName), job, address.stream);
    if (opened.kind !== 'file') return refuse(response, opened);
    const { file } = opened;
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
      mayReadAhead: () => this.#open.size <= MOST_READ_AHEAD,
    });
    try {
      // Before headers promise it.
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

function refuse(response: ServerResponse, { kind, message }: LogRefusal): void {
  const [status, code] = REFUSALS[kind];
  sendError(response, status, code, message);
}

/** The bytes of a log for one reader. */
class Sending {
  readonly #file: LogFile;
  readonly #end: number;
  readonly #response: ServerResponse;
  readonly #options: ReadingOptions;
  /** The offset after what was given to the reader. */
  #given: number;
  #pieces: AsyncGenerator<Buffer, void, undefined>;
  #first: Buffer | null = null;

  constructor(file: LogFile, { start, end }: ByteRange, response: ServerResponse, options: ReadingOptions) {
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

  /** Sends all of it. Throws what reading throws, and if the reader has disconnected. */
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

/** Only letters, digits, dots and dashes, which are safe on every disk and in every header. */
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
