import { bounded } from '../domain/text.ts';

/**
 * Paths in a repository are bytes, which need not be UTF-8. Here they are strings of one character a byte ("latin1"):
 * so git's output is read, so they are kept as keys, and so they are written into archives.
 */
export type BytePath = string;

/** A path below a directory, as the file system takes it. */
export function onDisk(directory: string, path: BytePath): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(path, 'latin1')]);
}

/** Of a path, in characters: its beginning and its end tell what it is. */
const LONGEST_READABLE = 300;

/** A path as people read it, in one line, and cut where it is very long. */
export function readable(path: BytePath): string {
  const text = bounded(Buffer.from(path, 'latin1').toString('utf8'), LONGEST_READABLE, { keep: 'both' });
  return /\p{C}/u.test(text) ? JSON.stringify(text) : text;
}

/** A directory in which git is to be run, which takes text. Null: its name is none. */
export function asText(path: BytePath): string | null {
  const bytes = Buffer.from(path, 'latin1');
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : null;
}

export function parentOf(path: BytePath): BytePath {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
