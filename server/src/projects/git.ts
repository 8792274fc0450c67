import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { Readable as ReadableStream } from 'node:stream';
import { promisify } from 'node:util';
import { bounded } from '../domain/text.ts';
import { tracked } from './children.ts';
import { GitError, GitExit, UnreadableDirectory } from './git-error.ts';
import { gitLaunch, MAX_GIT_BYTES, saysOutOfMemory } from './git-launch.ts';
import { GRACE_MS, inTurn, LATE } from './git-places.ts';
import { inUnits } from './limits.ts';
import { withPublicAddresses } from './remote-address.ts';

const ANSWER_TIMEOUT_MS = 30_000;
/** Of what git says of a fault, its end: in UTF-16 units, for people, and looked through. */
const MOST_WORDS = 2000;
const MOST_READ = 64 * 1024;

const run = promisify(execFile);

/**
 * What git prints, as UTF-8. Throws GitError: GitExit where git itself said no, ServerBusy.
 *
 * @param repository whose turn it waits for
 */
export async function git(directory: string, args: readonly string[], repository = directory): Promise<string> {
  try {
    const { stdout } = await inTurn(repository, ANSWER_TIMEOUT_MS, () => {
      const { file, args: all, options } = gitLaunch(directory, args);
      const answer = run(file, all, {
        ...options,
        timeout: ANSWER_TIMEOUT_MS,
        maxBuffer: 32 * 1024 * 1024,
      });
      tracked(answer.child);
      return answer;
    });
    return stdout;
  } catch (cause) {
    throw asGitError(cause);
  }
}

/**
 * The same, and nothing where git exits with 1 or without a word: so `rev-parse --verify --quiet`, `symbolic-ref --quiet`
 * and `config --get` say that there is no such thing. Throws GitError for all else.
 */
export async function gitIfAny(directory: string, args: readonly string[]): Promise<string> {
  try {
    return await git(directory, args);
  } catch (cause) {
    if (cause instanceof GitExit && (cause.exitCode === 1 || cause.message === '')) return '';
    throw cause;
  }
}

/** A git that is spoken to by pipes. */
export interface GitProcess {
  readonly stdout: Readable;
  /**
   * Resolves when git has ended well; rejects with a GitError otherwise, and with UnreadableDirectory where it ended
   * well though it couldn't look into one.
   */
  readonly ended: Promise<void>;
  kill(): void;
}

/** How long git may take, and what is said when it takes longer. */
export interface Deadline {
  readonly timeoutMs: number;
  readonly late?: string;
}

/** For what looks at a whole commit or work tree, which may lie on a slow disk. */
export const LISTING: Deadline = {
  timeoutMs: 60_000,
  late: 'git did not list the files within 60 s: let it ignore large directories that are not code (.gitignore), or look why the disk is slow',
};

/** Starts git at once, which is for those who bound how many they start; feeds it `input`, and ends it at its deadline. */
export function startGit(
  directory: string,
  args: readonly string[],
  { timeoutMs, late = LATE }: Deadline,
  input: Iterable<string> = [],
): GitProcess {
  const launch = gitLaunch(directory, args);
  const child: ChildProcessByStdio<Writable, Readable, Readable> = tracked(
    spawn(launch.file, launch.args, { ...launch.options, stdio: ['pipe', 'pipe', 'pipe'] }),
  );
  let isLate = false;
  let forSure: NodeJS.Timeout | undefined;
  const deadline = setTimeout(() => {
    isLate = true;
    child.kill();
    // One that a disk holds can't be ended: whoever reads what it prints is not to wait for it.
    forSure = setTimeout(() => child.stdout.destroy(new GitError(late)), GRACE_MS);
  }, timeoutMs);
  let stderr = '';
  let leftOut = 0;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    leftOut += Math.max(0, stderr.length + text.length - MOST_WORDS);
    stderr = (stderr + text).slice(-MOST_WORDS);
  });
  // A git that ends early doesn't read its input; its exit code tells why.
  child.stdin.on('error', () => undefined);
  ReadableStream.from(input).pipe(child.stdin);
  const ended = (async () => {
    try {
      const [code] = await once(child, 'close');
      if (isLate) throw new GitError(late);
      if (code === 127) throw new GitError(MISSING);
      if (saysOutOfMemory(stderr)) throw new GitError(TOO_LARGE);
      const said = oneLine(stderr, leftOut) || `git ended with ${code ?? 'a signal'}`;
      if (code === null) throw new GitError(said);
      if (code !== 0) throw new GitExit(said, code);
      const unreadable = /^warning: could not open directory '(.*)': (.*)$/m.exec(stderr);
      if (unreadable !== null) throw new UnreadableDirectory(`${unreadable[1]} can't be read: ${unreadable[2]}`);
    } catch (cause) {
      throw asGitError(cause);
    } finally {
      clearTimeout(deadline);
      clearTimeout(forSure);
    }
  })();
  // Whoever reads the output may be done with it, or have failed, before git has ended.
  ended.catch(() => undefined);
  return { stdout: child.stdout, ended, kill: () => child.kill() };
}

/** Each record of what `git … -z` prints, one character a byte, as paths are bytes. Leaving it early ends git. */
export async function* gitRecords(
  directory: string,
  args: readonly string[],
  deadline: Deadline,
): AsyncGenerator<string> {
  const child = await startInTurn(directory, args, deadline);
  let rest = '';
  try {
    child.stdout.setEncoding('latin1');
    for await (const text of child.stdout as AsyncIterable<string>) {
      const records = (rest + text).split('\0');
      rest = records.pop() ?? '';
      if (rest.length > MOST_READ) throw new GitError('git reported a path that is longer than any on a disk');
      yield* records;
    }
    await child.ended;
    if (rest !== '') yield rest;
  } finally {
    child.kill();
  }
}

/** Resolves when git has started; it keeps its place until it has ended. */
function startInTurn(directory: string, args: readonly string[], deadline: Deadline): Promise<GitProcess> {
  return new Promise((resolve, reject) => {
    inTurn(directory, deadline.timeoutMs, () => {
      const child = startGit(directory, args, deadline);
      resolve(child);
      return child.ended;
    }).catch(reject);
  });
}

const MISSING = 'git is not installed';
const TOO_LARGE = `git needs more than ${inUnits(MAX_GIT_BYTES)} of memory to read this repository: look for a very large .gitignore, commit message or file in .git, and store large files without deltas (git -c core.bigFileThreshold=16m repack -adF)`;

function asGitError(cause: unknown): GitError {
  if (cause instanceof GitError) return cause;
  if (!(cause instanceof Error)) return new GitError(String(cause), { cause });
  if ('code' in cause && cause.code === 127) return new GitError(MISSING, { cause });
  if ('killed' in cause && cause.killed === true) return new GitError(LATE, { cause });
  const stderr = 'stderr' in cause && typeof cause.stderr === 'string' ? cause.stderr : null;
  if (stderr !== null && saysOutOfMemory(stderr.slice(-MOST_READ))) return new GitError(TOO_LARGE, { cause });
  const said = stderr === null ? cause.message : oneLine(stderr);
  if ('code' in cause && typeof cause.code === 'number') return new GitExit(said, cause.code, { cause });
  return new GitError(said, { cause });
}

/** `leftOut`: so much stood before it. */
function oneLine(stderr: string, leftOut = 0): string {
  if (/^fatal: cannot change to '.*': (?:No such file or directory|Not a directory)$/m.test(stderr))
    return 'there is no such directory';
  const isCut = leftOut > 0 || stderr.length > MOST_READ;
  // Of an address that is cut, what is left may be secret.
  const read = isCut ? stderr.slice(-MOST_READ).replace(/^\S*/, '') : stderr;
  const words = withPublicAddresses(read)
    .split('\n')
    .map((line) => line.replace(/^(?:fatal|error): /, '').trim())
    .filter(Boolean)
    .join('; ');
  return bounded(words, MOST_WORDS, { beyond: leftOut + stderr.length - read.length, keep: 'end' });
}
