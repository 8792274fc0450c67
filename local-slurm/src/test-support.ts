import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { LocalClusterOptions } from './layout.ts';
import type { LocalSlurmOptions } from './local-slurm.ts';
import { isOfThisSystem, listProcesses } from './processes.ts';
import { run } from './run.ts';
import type { LocalCluster } from './state.ts';
import { waitFor } from './wait.ts';

/** The smallest cluster, which is up in less than a second. */
export const SMALL_CLUSTER: LocalClusterOptions = {
  name: 'small',
  nodes: [{ name: 'n1', gpus: { type: 'a100', count: 2 } }],
  partitions: [{ name: 'main', nodes: ['n1'] }],
  accounting: false,
};

/** Runs a command line on a cluster as its user, as anybody with OpenSSH would. */
export function ssh(cluster: LocalCluster, commandLine: string): Promise<string> {
  const { identityFile, knownHosts, port, user, host } = cluster;
  return run('ssh', [
    ...['-F', 'none', '-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${knownHosts}`],
    ...['-i', identityFile, '-p', String(port), `${user}@${host}`, commandLine],
  ]);
}

/** By what the remains of an instance can be told. */
export interface Traces {
  readonly directory: string;
  readonly user?: string;
  readonly uid?: number;
}

export async function tracesOf(directory: string, user: string): Promise<Traces> {
  return { directory, user, uid: Number(await run('id', ['-u', user])) };
}

// Starts clusters as an owner would, tells of them in a line, and waits.
const OWNER = `
  const { startLocalSlurm } = await import(${JSON.stringify(new URL('local-slurm.ts', import.meta.url).href)});
  const slurm = await startLocalSlurm(JSON.parse(process.argv[1]));
  console.log(JSON.stringify(slurm.clusters));
`;

/** Another process that has started clusters, or is about to. */
export interface Owner {
  /** Resolves when they are up; rejects when it ends before. */
  readonly clusters: Promise<readonly LocalCluster[]>;
  /** Ends it as nothing else does: it can take nothing down. */
  kill(): void;
}

export function startInAnotherProcess(
  options: LocalSlurmOptions,
  environment: Readonly<Record<string, string>> = {},
): Owner {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', OWNER, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const lines = createInterface({ input: child.stdout });
  const line = new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('close', () => reject(new Error('the owner ended')));
  });
  const clusters = line.then((text) => JSON.parse(text) as readonly LocalCluster[]);
  // Whoever kills it early doesn't ask.
  clusters.catch(() => undefined);
  return { clusters, kill: () => void child.kill('SIGKILL') };
}

/** A path for an instance, which nothing has used yet. */
export function newDirectory(): string {
  return join(tmpdir(), `slurmql-${randomBytes(4).toString('hex')}`);
}

/** Everything that is left of an instance: processes, account, mounts, directory. */
export function leftovers({ directory, user, uid }: Traces): readonly string[] {
  // Once the account is gone, another instance's may have been given its number.
  const isItsNumber = uid !== undefined && (accountWith(uid) ?? user) === user;
  const processes = listProcesses()
    .filter((one) => (isItsNumber && one.uid === uid && isOfThisSystem(one)) || mentions(one.pid, directory))
    .filter(({ pid }) => pid !== process.pid)
    .map(({ pid }) => `process ${pid}: ${read(pid, 'cmdline').replaceAll('\0', ' ')}`);
  const accounts = ['/etc/passwd', '/etc/group', '/etc/shadow'].filter((file) => {
    const text = readFileSync(file, 'utf8');
    return text.includes(directory) || (user !== undefined && text.includes(`${user}:`));
  });
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(directory));
  return [...processes, ...accounts, ...mounts, ...(existsSync(directory) ? [directory] : [])];
}

function accountWith(uid: number): string | undefined {
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n');
  return accounts.map((line) => line.split(':')).find(([, , number]) => number === String(uid))?.[0];
}

export async function untilNothingIsLeft(traces: Traces): Promise<void> {
  await waitFor(() => leftovers(traces).length === 0, { timeoutMs: 60_000, failure: 'something is left' }).catch(
    (cause: unknown) => {
      throw new Error(leftovers(traces).join('\n'), { cause });
    },
  );
}

function mentions(pid: number, directory: string): boolean {
  if (read(pid, 'cmdline').includes(directory) || read(pid, 'environ').includes(directory)) return true;
  try {
    const links = [`/proc/${pid}/cwd`, ...readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`)];
    return links.some((link) => readlinkSync(link).startsWith(directory));
  } catch {
    // It has just ended, or has closed that file.
    return false;
  }
}

function read(pid: number, file: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // It has just ended.
    return '';
  }
}
