import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readlink, stat } from 'node:fs/promises';

/** Why what lies under a path can't be read as a file. The message goes on where the path ends: "is a directory". */
export class FileFault extends Error {
  override readonly name = 'FileFault';
  /** `nothing`: not even a link. `lost link`: one that leads nowhere. */
  readonly found: 'nothing' | 'lost link' | 'something';

  constructor(message: string, { found = 'something', ...options }: FaultOptions = {}) {
    super(message, options);
    this.found = found;
  }

  /** What goes on behind "can't be read: ". */
  override toString(): string {
    return `it ${this.message}`;
  }
}

type FaultOptions = ErrorOptions & { readonly found?: FileFault['found'] };

const CHUNK_BYTES = 64 * 1024;

/**
 * The content of a regular file, also behind links. Whatever else lies there is not opened: a pipe would be waited for,
 * a device may act on it. Throws FileFault.
 */
export async function readRegularFile(path: string, maximumBytes: number): Promise<Buffer> {
  refuseOther(await statusOf(path));
  let handle: FileHandle;
  try {
    // Should a pipe or a terminal have come in its place, it is neither waited for nor made this process's own.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    throw unreadable(cause);
  }
  try {
    refuseOther(await handle.stat());
    return await readAll(handle, maximumBytes);
  } catch (cause) {
    throw cause instanceof FileFault ? cause : unreadable(cause);
  } finally {
    await handle.close();
  }
}

/** The same as text. Throws FileFault, also for what is no text. */
export async function readTextFile(path: string, maximumBytes: number): Promise<string> {
  const content = await readRegularFile(path, maximumBytes);
  if (content.includes(0)) throw new FileFault('is not a text file: it contains NUL bytes');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch (cause) {
    throw new FileFault('is not UTF-8 text', { cause });
  }
}

/** What lies under a path or where its link leads. Throws FileFault. */
async function statusOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (cause) {
    if (!isAbsence(cause)) throw unreadable(cause);
    const target = await readlink(path).catch(() => null);
    if (target === null) throw new FileFault('is not there', { cause, found: 'nothing' });
    throw new FileFault(`is a link to ${target}, which does not exist`, { cause, found: 'lost link' });
  }
}

function refuseOther(status: Stats): void {
  if (status.isFile()) return;
  throw new FileFault(`is ${kindOf(status)}, not a file`);
}

/** With its article. */
export function kindOf(status: Stats): string {
  if (status.isFile()) return 'a file';
  if (status.isDirectory()) return 'a directory';
  if (status.isFIFO()) return 'a named pipe';
  if (status.isSocket()) return 'a socket';
  if (status.isSymbolicLink()) return 'a link';
  return 'a device';
}

async function readAll(handle: FileHandle, maximumBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES));
    if (bytesRead === 0) return Buffer.concat(chunks, size);
    size += bytesRead;
    if (size > maximumBytes) throw new FileFault(`has more than ${maximumBytes} bytes`);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

const WHY: Readonly<Record<string, string>> = {
  EACCES: 'may not be read by this account',
  EPERM: 'may not be read by this account',
  ELOOP: 'is a symbolic link that leads back to itself',
  ENOENT: 'has just gone',
  EIO: "can't be read: its disk has a fault",
  ESTALE: 'is on a network file system that has lost it',
};

function unreadable(cause: unknown): FileFault {
  return new FileFault(WHY[codeOf(cause)] ?? `can't be read (${codeOf(cause)})`, { cause });
}

/** Whether the system says that nothing lies under a path. */
export function isAbsence(cause: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(cause));
}

/** The system's word for an error, such as ENOENT; else its text. */
export function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
