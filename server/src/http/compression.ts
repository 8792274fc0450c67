import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/** Less than this fits into one packet as it is. */
const LEAST_BYTES = 1024;
/** Half a millisecond for 66 kB of jobs, which get to an eighth; gzip takes nearly as long and gets a tenth less far. */
const BROTLI_QUALITY = 4;
/** 256 KiB, which is what one compression takes of memory at most, several times over. */
const BROTLI_WINDOW_BITS = 18;

/** Ours, the better one first. */
const CODINGS = ['br', 'gzip'] as const;
export type Coding = (typeof CODINGS)[number];

/** The coding that a client likes best of ours, by its Accept-Encoding (RFC 9110, section 12.5.3); null: none. */
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

/** What an answer says, and its compressed forms: each is made once, when somebody takes it. */
export class AnswerBody {
  readonly plain: Buffer;
  readonly #compressed = new Map<Coding, Promise<Buffer>>();
  /** Of all forms that there are. */
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
 * Sends a whole answer, compressed for whoever takes that. Not for streams, which would be held back, nor for the files
 * of logs, whose ranges and lengths are those of the file.
 *
 * The size of a compressed answer tells something of a secret where the same answer repeats what an attacker chose
 * (BREACH). No answer of ours holds a credential: neither the token nor a cookie, and no value of `environment`. And
 * nobody else's page can have an answer made: its requests are refused before (`origin.ts`).
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

/** So that it can be seen whether a reader takes any of it; a long answer in one piece would seem to stand still. */
const PART_BYTES = 64 * 1024;

/** What is sent stays its owner's: it may be sent to many. */
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

/** Tells caches of one more header that the answer depends on. */
function varyBy(response: ServerResponse, name: string): void {
  const before = [response.getHeader('vary') ?? []].flat().map(String);
  response.setHeader('vary', [...before, name].join(', '));
}
