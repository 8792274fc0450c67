import { abortable } from '../deadline.ts';
import { SshInterrupted } from '../errors.ts';

/** Content for a file. */
export type FileContent = Buffer | AsyncIterable<Buffer>;

/** As in OpenSSH's own sftp. */
const PIECE_BYTES = 32 * 1024;

/**
 * The content in pieces of a size that is sent at once. Takes no more from it than is asked for, and nothing after
 * `signal` aborts.
 */
export async function* piecesOf(content: FileContent, path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  if (Buffer.isBuffer(content)) {
    yield* split(content);
    return;
  }
  const iterator = content[Symbol.asyncIterator]();
  const late = (reason: Error) =>
    new SshInterrupted(`${path}: ${reason.message} before all was written`, { cause: reason });
  try {
    for (;;) {
      const next = await abortable(iterator.next(), signal, late);
      if (next.done) return;
      yield* split(next.value);
    }
  } finally {
    // Not awaited: a source that hangs would never answer.
    iterator.return?.().catch(() => {});
  }
}

function* split(chunk: Buffer): Generator<Buffer> {
  for (let start = 0; start < chunk.length; start += PIECE_BYTES) yield chunk.subarray(start, start + PIECE_BYTES);
}
