import type { IncomingMessage } from 'node:http';

/** The body of a request is too large. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super(`A body has more than ${maxBytes} bytes`);
    this.maxBytes = maxBytes;
  }
}

/** The body of a request did not arrive in time. */
export class BodyTooSlow extends Error {
  override readonly name = 'BodyTooSlow';

  constructor(timeoutMs: number) {
    super(`The body of the request did not arrive within ${timeoutMs / 1000} s`);
  }
}

/** The client has disconnected. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

export interface BodyBounds {
  readonly maxBytes: number;
  /** Time limit for the whole body, from now on. */
  readonly timeoutMs: number;
  /** Told of memory before it is taken; reading ends with what it throws. */
  readonly onMemory?: (bytes: number) => void;
}

const FIRST_BYTES = 4 * 1024;

/** Reads the whole body. Throws BodyTooLarge, BodyTooSlow, ClientLeft, and what `onMemory` throws; the rest is then read and discarded. */
export async function readBody(
  request: IncomingMessage,
  { maxBytes, timeoutMs, onMemory = () => undefined }: BodyBounds,
): Promise<Buffer<ArrayBuffer>> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw new BodyTooLarge(maxBytes);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer<ArrayBuffer>>();
  // Memory of its own, which grows with what has come: pieces of a body that comes in crumbs would each keep what they
  // were read into.
  let bytes = Buffer.alloc(0);
  let size = 0;
  const grow = (needed: number) => {
    const room = Math.min(maxBytes, Math.max(bytes.length * 2, needed, FIRST_BYTES));
    onMemory(room - bytes.length);
    const larger = Buffer.allocUnsafeSlow(room);
    bytes.copy(larger, 0, 0, size);
    bytes = larger;
  };
  const take = (piece: Buffer) => {
    const needed = size + piece.length;
    if (needed > maxBytes) return reject(new BodyTooLarge(maxBytes));
    try {
      if (needed > bytes.length) grow(needed);
    } catch (cause) {
      request.off('data', take);
      return reject(cause);
    }
    size += piece.copy(bytes, size);
  };
  const leave = () => reject(new ClientLeft());
  const deadline = setTimeout(() => reject(new BodyTooSlow(timeoutMs)), timeoutMs);
  request.on('data', take);
  request.once('end', () => resolve(bytes.subarray(0, size)));
  request.once('error', leave);
  request.once('close', leave);
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
    request.off('data', take).off('close', leave).resume();
  }
}

/**
 * Neither an HTML form (HTML, 4.10.21.5) nor, without a preflight request, a page of another origin can send this type.
 */
export function isJson({ headers }: IncomingMessage): boolean {
  return /^application\/(graphql\+)?json\s*(;|$)/i.test(headers['content-type'] ?? '');
}
