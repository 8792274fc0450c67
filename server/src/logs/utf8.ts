export interface DecodedBytes {
  readonly text: string;
  /** Bytes at the front that belong to a character which began before them. */
  readonly skipped: number;
  /** Bytes from the front that `text` stands for, the skipped ones included. */
  readonly consumed: number;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Bytes out of the middle of a file as text that never cuts a character in two: the rest of a character at the front
 * is skipped, the beginning of one at the end is left for the next read, unless `isEnd` says that no more will come.
 * What is no UTF-8 becomes U+FFFD.
 */
export function decodeBytes(
  bytes: Buffer,
  options: { readonly isStart: boolean; readonly isEnd: boolean },
): DecodedBytes {
  let skipped = 0;
  if (!options.isStart) while (skipped < Math.min(3, bytes.length) && isContinuation(bytes[skipped])) skipped += 1;
  const consumed = bytes.length - (options.isEnd ? 0 : unfinishedLength(bytes));
  return { text: decoder.decode(bytes.subarray(skipped, consumed)), skipped, consumed: Math.max(consumed, skipped) };
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** How many bytes at the end are the beginning of a character whose rest is still to come (RFC 3629, section 3). */
function unfinishedLength(bytes: Buffer): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length += 1) {
    const byte = bytes[bytes.length - length] ?? 0;
    if (isContinuation(byte)) continue;
    const needed = byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return byte < 0xf5 && needed > length ? length : 0;
  }
  return 0;
}
