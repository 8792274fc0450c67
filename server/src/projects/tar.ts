/** What stands in an archive: names and link targets are bytes, one character each. */
export interface TarEntry {
  readonly path: string;
  readonly kind: 'file' | 'link' | 'directory';
  readonly isExecutable: boolean;
  /** Of a file. */
  readonly sizeBytes: number;
  /** Of a link. */
  readonly target: string;
  readonly modifiedSeconds: number;
}

const BLOCK = 512;
const MAX_NAME = 100;
/** Eleven octal digits. */
const MAX_NUMBER = 8 ** 11 - 1;
const KINDS = { file: '0', link: '2', directory: '5' } as const;

/**
 * The blocks that stand before an entry's content, in GNU tar's format, which every tar of a cluster reads (GNU,
 * BusyBox, libarchive). Libraries take names for text and lose bytes that are no UTF-8, and in the POSIX format long
 * names need records that BusyBox may skip.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const path = entry.kind === 'directory' ? `${entry.path}/` : entry.path;
  const target = entry.kind === 'link' ? entry.target : '';
  return Buffer.concat([
    ...longName('K', target),
    ...longName('L', path),
    block({
      name: path,
      // As git makes new files: what is left of it is for the umask of those who unpack it to say.
      mode: entry.kind !== 'file' || entry.isExecutable ? 0o777 : 0o666,
      size: entry.kind === 'file' ? entry.sizeBytes : 0,
      seconds: entry.modifiedSeconds,
      kind: KINDS[entry.kind],
      target,
    }),
  ]);
}

/** Zeros that fill up the last block of a content. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
}

/** What an archive ends with. */
export const TAR_END = Buffer.alloc(2 * BLOCK);

/** A name that doesn't fit into its field stands whole in an entry of its own before. */
function longName(kind: 'K' | 'L', name: string): Buffer[] {
  if (name.length <= MAX_NAME) return [];
  const content = Buffer.from(`${name}\0`, 'latin1');
  const head = block({ name: '././@LongLink', mode: 0o644, size: content.length, seconds: 0, kind, target: '' });
  return [head, content, tarPadding(content.length)];
}

interface Fields {
  readonly name: string;
  readonly mode: number;
  readonly size: number;
  readonly seconds: number;
  readonly kind: string;
  readonly target: string;
}

function block({ name, mode, size, seconds, kind, target }: Fields): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  bytes.write(name.slice(0, MAX_NAME), 0, 'latin1');
  bytes.write(octal(mode, 7), 100, 'latin1');
  bytes.write(octal(0, 7), 108, 'latin1');
  bytes.write(octal(0, 7), 116, 'latin1');
  bytes.write(octal(size, 11), 124, 'latin1');
  bytes.write(octal(Math.min(Math.max(0, seconds), MAX_NUMBER), 11), 136, 'latin1');
  bytes.write('        ', 148, 'latin1');
  bytes.write(kind, 156, 'latin1');
  bytes.write(target.slice(0, MAX_NAME), 157, 'latin1');
  bytes.write('ustar  ', 257, 'latin1');
  bytes.write('root', 265, 'latin1');
  bytes.write('root', 297, 'latin1');
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return bytes;
}

function octal(value: number, digits: number): string {
  if (value > 8 ** digits - 1) throw new RangeError(`${value} has more than ${digits} octal digits`);
  return value.toString(8).padStart(digits, '0');
}
