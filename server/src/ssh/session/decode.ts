import { setImmediate as nextTurn } from 'node:timers/promises';

/** So much is decoded before the event loop turns: what is no UTF-8 takes up to 8 ms. */
const STEP_BYTES = 1024 * 1024;

/** Bytes as UTF-8; what isn't UTF-8 becomes U+FFFD. The event loop turns among many. */
export async function decoded(bytes: Buffer): Promise<string> {
  if (bytes.length <= STEP_BYTES) return bytes.toString('utf8');
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let text = '';
  for (let start = 0; start < bytes.length; start += STEP_BYTES) {
    text += decoder.decode(bytes.subarray(start, start + STEP_BYTES), { stream: true });
    await nextTurn();
  }
  return text + decoder.decode();
}
