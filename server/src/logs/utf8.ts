import { isAscii } from 'node:buffer';

export interface DecodedBytes {
  readonly text: string;
  /** Bytes at the front that belong to an earlier character. */
  readonly skipped: number;
  /** Bytes that `text` stands for, including the skipped ones. */
  readonly consumed: number;
}

/** The longest character has four bytes: this many before a place show whether one continues there. */
export const LOOK_BACK_BYTES = 3;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Bytes from the middle of a file as text that never splits a character: the rest of a character at the front is
 * skipped, and the beginning of one at the end is left for the next read, unless `isEnd` says that no more follows.
 * Invalid UTF-8 becomes U+FFFD. `before`: the bytes before them, up to LOOK_BACK_BYTES; empty at a place where a
 * character ended.
 */
export function decodeBytes(
  bytes: Buffer,
  options: { readonly before: Buffer; readonly isEnd: boolean },
): DecodedBytes {
  let skipped = 0;
  const rest = missingLength(options.before);
  while (skipped < Math.min(rest, bytes.length) && isContinuation(bytes[skipped])) skipped += 1;
  const consumed = Math.max(skipped, bytes.length - (options.isEnd ? 0 : unfinishedLength(bytes)));
  return { text: decode(bytes.subarray(skipped, consumed)), skipped, consumed };
}

/** Most logs are plain ASCII, for which this is several times faster. */
function decode(bytes: Buffer): string {
  return isAscii(bytes) ? bytes.toString('latin1') : decoder.decode(bytes);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** How many bytes at the end are the beginning of an incomplete character. */
function unfinishedLength(bytes: Buffer): number {
  const length = lastCharacterLength(bytes);
  return missingLength(bytes) > 0 ? length : 0;
}

/** How many bytes the character at the end lacks; 0: none. */
function missingLength(bytes: Buffer): number {
  const length = lastCharacterLength(bytes);
  return Math.max(0, neededLength(bytes[bytes.length - length]) - length);
}

/** The number of bytes from the last byte that may begin a character to the end; 1 if there is none near. */
function lastCharacterLength(bytes: Buffer): number {
  for (let length = 1; length <= Math.min(LOOK_BACK_BYTES, bytes.length); length += 1) {
    if (!isContinuation(bytes[bytes.length - length])) return length;
  }
  return 1;
}

/** The length of the character that a byte begins (RFC 3629, section 3); 1 if it begins none. */
function neededLength(byte: number | undefined): number {
  if (byte === undefined || byte < 0xc2 || byte > 0xf4) return 1;
  return byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
}
