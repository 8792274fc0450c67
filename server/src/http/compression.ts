import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/** A shorter answer fits into one packet uncompressed. */
const LEAST_BYTES = 1024;
/**
 * Takes half a millisecond for 66 kB of jobs and shrinks them to an eighth. gzip is about as fast and a tenth worse.
 */
const BROTLI_QUALITY = 4;
/** 256 KiB, which is what one compression takes of memory at most, several times over. */
const BROTLI_WINDOW_BITS = 18;

/** The supported codings, the better one first. */
const CODINGS = ['br', 'gzip'] as const;
export type Coding = (typeof CODINGS)[number];

/** The supported coding that Accept-Encoding prefers (RFC 9110, section 12.5.3); null: none. */
export function acceptedCoding(header: string | undefined): Coding | null {
  const weights = new Map<string, number>();
  for (const entry of (header ?? '').toLowerCase().split(',')) {
    const [name = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    weights.set(name, weight === undefined ? 1 : Number(weight) || 0);
  }
  const weightOf = (coding: Coding) => weights.get(coding) ?? weights.get('*') ?? 0;
  const [best] = CODINGS.filter((coding) => weightOf(coding) > 0).sort((one, other) => weightOf(other) - weightOf(one));
  return best ?? null;
}

/** The content of an answer with its compressed forms. Each form is made once, when it is first needed. */
export class AnswerBody {
  readonly plain: Buffer;
  readonly #compressed = new Map<Coding, Promise<Buffer>>();
  /** The total of all forms. */
  bytes: number;

  constructor(plain: Buffer) {
    this.plain = plain;
    this.bytes = plain.length;
  }

  async as(coding: Coding): Promise<Buffer> {
    const known = this.#compressed.get(coding);
    if (known !== undefined) return known;
    const made = compress(this.plain, coding);
    this.#compressed.set(coding, made);
    this.bytes += (await made).length;
    return made;
  }
}

async function compress(body: Buffer, coding: Coding): Promise<Buffer> {
  if (coding === 'gzip') return compressGzip(body);
  return compressBrotli(body, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: BROTLI_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
    },
  });
}

/**
 * Sends a whole answer, compressed if the client accepts it. Not for streams, which compression would delay, nor for
 * log files, whose ranges and lengths are those of the file.
 *
 * The size of a compressed answer reveals something about a secret if the answer also contains text that an attacker
 * chose (BREACH). No answer contains a credential: neither the token nor a cookie, nor a value of `environment`. And a
 * page of another origin cannot trigger an answer: its requests are refused first (`origin.ts`).
 */
export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
  body: AnswerBody,
): Promise<void> {
  varyBy(response, 'Accept-Encoding');
  const coding = body.plain.length < LEAST_BYTES ? null : acceptedCoding(request.headers['accept-encoding']);
  const sent = coding === null ? body.plain : await body.as(coding);
  response.writeHead(status, {
    ...headers,
    ...(coding !== null && { 'content-encoding': coding }),
    'content-length': sent.length,
  });
  writeWhole(response, sent);
}

/** Written in pieces, so that progress is visible; a long answer in one piece would seem to stall. */
const PART_BYTES = 64 * 1024;

/** The content stays its owner's, because it may be sent to many clients. */
export function writeWhole(response: ServerResponse, bytes: Buffer): void {
  let written = 0;
  const goOn = () => {
    while (bytes.length - written > PART_BYTES) {
      const isTaken = response.write(bytes.subarray(written, written + PART_BYTES));
      written += PART_BYTES;
      if (!isTaken) {
        response.once('drain', goOn);
        return;
      }
    }
    response.end(bytes.subarray(written));
  };
  goOn();
}

/** Adds a header to Vary, for caches. */
function varyBy(response: ServerResponse, name: string): void {
  const before = [response.getHeader('vary') ?? []].flat().map(String);
  response.setHeader('vary', [...before, name].join(', '));
}
