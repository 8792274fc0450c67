import type { Writable } from 'node:stream';

/** A whole text message in one frame, final and unmasked, as servers send them (RFC 6455, 5.2). */
const FINAL_TEXT = 0x81;
const LENGTH_IN_16_BITS = 126;
const LENGTH_IN_64_BITS = 127;
/** A stalled receiver keeps this much for its frame; longer frames are sent without a copy. */
const SCRATCH_BYTES = 4 * 1024;

/** The buffer for frames: each overwrites the last one, which its stream has already sent. */
let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/**
 * Writes a WebSocket frame with the parts as its text, in one buffer: the usual two, header and text, double the cost
 * of a short message that is sent to thousands. The buffer is reused as long as streams accept data at once; otherwise
 * a burst makes hundreds of megabytes of garbage a second.
 */
export function writeTextFrame(stream: Writable, parts: readonly Buffer[]): void {
  let length = 0;
  for (const part of parts) length += part.length;
  const headerLength = length < LENGTH_IN_16_BITS ? 2 : length < 2 ** 16 ? 4 : 10;
  const frameLength = headerLength + length;
  if (frameLength > SCRATCH_BYTES) {
    writeApart(stream, header(Buffer.allocUnsafeSlow(headerLength), length), parts);
    return;
  }
  const isWaiting = stream.writableLength > 0;
  // Not from Node's pool: a waiting frame would keep a whole slab of it.
  const frame = isWaiting ? Buffer.allocUnsafeSlow(frameLength) : scratch.subarray(0, frameLength);
  header(frame, length);
  let offset = headerLength;
  for (const part of parts) offset += part.copy(frame, offset);
  stream.write(frame);
  // A stream counts a write until it was processed.
  if (!isWaiting && stream.writableLength > 0) scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
}

/** With one system call for all of them, and without a copy. */
function writeApart(stream: Writable, head: Buffer, parts: readonly Buffer[]): void {
  stream.cork();
  stream.write(head);
  for (const part of parts) stream.write(part);
  stream.uncork();
}

function header(frame: Buffer, length: number): Buffer {
  frame[0] = FINAL_TEXT;
  if (length < LENGTH_IN_16_BITS) {
    frame[1] = length;
  } else if (length < 2 ** 16) {
    frame[1] = LENGTH_IN_16_BITS;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = LENGTH_IN_64_BITS;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  return frame;
}
