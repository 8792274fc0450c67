import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Job } from '../domain/job.ts';
import { type LogAddress, openLog, type Services } from '../graphql/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { byteRange } from './byte-range.ts';
import { sendError } from './respond.ts';

const LONGEST_NAME = 80;

/**
 * A job's log as it is on the cluster, or the part of it that a Range header asks for. What a running job writes
 * meanwhile is not part of it. When the cluster is lost on the way the connection is cut, so that nobody takes a part for
 * the whole.
 */
export async function sendLog(
  address: LogAddress,
  request: IncomingMessage,
  response: ServerResponse,
  services: Services,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    sendError(response, 405, 'METHOD_NOT_ALLOWED', 'A log can be read, with GET, and nothing else');
    return;
  }
  const opened = await openLog(services, address);
  if (opened.kind === 'missing') return sendError(response, 404, 'NOT_FOUND', opened.message);
  if (opened.kind === 'unavailable') return sendError(response, 503, 'CLUSTER_UNAVAILABLE', opened.message);
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
  if (range !== null) response.setHeader('content-range', `bytes ${start}-${end - 1}/${sizeBytes}`);
  response.writeHead(range === null ? 200 : 206, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': end - start,
    'content-disposition': `attachment; filename="${fileName(job, address)}"`,
    'last-modified': modifiedAt.toUTCString(),
    etag: tag,
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  await stream(file.bytes.bind(file, start, end), response, services.log);
}

/** Never throws. Once the client has gone, nothing more is read. */
async function stream(
  bytes: (signal: AbortSignal) => AsyncIterable<Buffer>,
  response: ServerResponse,
  log: Logger,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    await pipeline(bytes(gone.signal), response);
  } catch (cause) {
    if (!gone.signal.aborted) log.warn({ err: cause }, 'A log could not be sent to its end');
    response.destroy();
  }
}

/** Of letters, digits, dots and dashes alone, so that it is harmless on every disk and in every header. */
function fileName(job: Pick<Job, 'name' | 'slurmJobId'>, { stream }: LogAddress): string {
  const name = job.name
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
    .slice(0, LONGEST_NAME);
  return `${[name || 'job', job.slurmJobId].filter(Boolean).join('-')}.${stream.toLowerCase()}.log`;
}
