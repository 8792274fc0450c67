import { setImmediate as nextTurn } from 'node:timers/promises';

/** So much is decoded before the event loop turns: what is no UTF-8 takes up to 8 ms. */
const STEP_BYTES = 1024 * 1024;

/**
 * Bytes in pieces as UTF-8; what isn't UTF-8 becomes U+FFFD. The event loop turns among many. Takes the pieces out of the
 * list one by one: so the memory of those that are decoded is free while the text grows.
 */
export async function decoded(pieces: Buffer[]): Promise<string> {
  if (pieces.reduce((sum, { length }) => sum + length, 0) <= STEP_BYTES) return Buffer.concat(pieces).toString('utf8');
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let text = '';
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
    for (let start = 0; start < piece.length; start += STEP_BYTES) {
      text += decoder.decode(piece.subarray(start, start + STEP_BYTES), { stream: true });
      await nextTurn();
    }
  }
  return text + decoder.decode();
}
