/**
 * What one git may hold in memory, in bytes. git bounds neither the files of a repository that it reads whole nor its
 * objects. Files that it maps, as packs and the index, don't count: the system can take that back. Of a million files, git
 * took 250 MiB, and so it did of half a million branches; of a file that is packed as a delta, two to three times its size.
 */
export const MAX_GIT_BYTES = 1024 ** 3;

/**
 * Nothing is asked of a person or fetched, and an object is what its id says. GIT_ALLOC_LIMIT (wrapper.c of git) bounds
 * one piece of memory, also where the system doesn't bound all of them, as on macOS.
 */
const ENVIRONMENT = {
  LC_ALL: 'C',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_NO_LAZY_FETCH: '1',
  GIT_ALLOW_PROTOCOL: 'none',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_ALLOC_LIMIT: String(MAX_GIT_BYTES),
};
let environment: Readonly<Record<string, string>> = ENVIRONMENT;

/** What every git gets of the process's environment from now on, by name: before it, nothing. */
export function setGitEnvironment(variables: Readonly<Record<string, string>>): void {
  environment = { ...variables, ...ENVIRONMENT };
}

/** A repository's own configuration can name programs; these are the ones that the commands used here would start. */
const SAFE = [
  ...['core.fsmonitor=false', 'core.hooksPath=/dev/null', 'core.pager=cat', 'gc.auto=0', 'maintenance.auto=false'],
  ...['protocol.allow=never', 'safe.bareRepository=explicit'],
];
/**
 * Nor does its configuration decide how much memory git takes: what is larger than the threshold passes through it in
 * pieces (but for deltas), and each thread takes 8 MiB for its stack, of which a host of many cores would start many.
 */
const FRUGAL = [
  ...['core.bigFileThreshold=16m', 'core.deltaBaseCacheLimit=96m'],
  ...['index.threads=1', 'core.preloadIndex=false'],
];
const SETTINGS = [...SAFE, ...FRUGAL].flatMap((setting) => ['-c', setting]);

/** git itself goes to the directory: a program that lies there, or a disk that hangs, has no part in its start. */
const START_DIRECTORY = '/';
/**
 * Looks for git on the PATH that git gets, and ends with 127 where there is none. Linux counts what is allocated in any
 * way as data (setrlimit(2), RLIMIT_DATA). A limit that is lower already can't be raised, and stays. Where several gits
 * together are too much for the host, the system is to end one of them rather than the server (proc(5), oom_score_adj).
 */
const LAUNCHER = `ulimit -d ${MAX_GIT_BYTES / 1024} 2>/dev/null
{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null
exec git "$@"`;

interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> };
}

/** How to start git in a directory. Whatever becomes of the process that is started becomes of git. */
export function gitLaunch(directory: string, args: readonly string[]): Launch {
  return {
    file: '/bin/sh',
    args: ['-c', LAUNCHER, 'git', '-C', directory, ...SETTINGS, ...args],
    options: { cwd: START_DIRECTORY, env: environment },
  };
}

/** Whether git ended because it got no more memory, as it says in its own words, zlib's or the system's. */
export function saysOutOfMemory(stderr: string): boolean {
  return /^(?:fatal|error): .*(?:out of memory|over limit \d|cannot allocate memory)/im.test(stderr);
}
