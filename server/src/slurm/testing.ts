import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterSettings } from '../domain/cluster.ts';
import { type JobObservation, taskOf } from '../domain/observation.ts';
import type { CommandResult } from '../ssh/index.ts';
import type { Ownership } from './owner.ts';
import { queueEnds, RECORDED } from './parse/ends.ts';
import { endOf, QUEUE_FIELDS } from './parse/queue.ts';
import type { QueueSnapshot } from './parse/queue-answer.ts';
import type { Runner } from './runner.ts';
import type { Script } from './shell.ts';

/** What a login finds besides Slurm. */
const TOOLS = [
  ...[
    'bash',
    'cat',
    'chmod',
    'cp',
    'date',
    'env',
    'false',
    'find',
    'getent',
    'grep',
    'gzip',
    'head',
    'id',
    'ln',
    'ls',
    'mkdir',
    'mv',
    'readlink',
  ],
  ...['rm', 'sed', 'setsid', 'sh', 'sleep', 'sort', 'stat', 'tail', 'tar', 'touch', 'tr', 'true', 'uname', 'wc'],
];

/** Of the cluster that `LocalLogin` stands for. */
export const SETTINGS: ClusterSettings = {
  name: 'alpha',
  host: 'login',
  workspace: '~/slurmql',
  gpuRequest: 'gres',
  pollIntervalSeconds: 30,
  gpuCacheSeconds: 60,
};

/**
 * A cluster's login on this machine: scripts run in a real `/bin/sh -s`, in a home of their own, and Slurm's commands
 * are what a test writes. Whether the machine has a Slurm of its own makes no difference.
 */
export class LocalLogin implements Runner, AsyncDisposable {
  readonly home: string;
  /** Stands first on the PATH. */
  readonly bin: string;
  /** Added to the login's environment. */
  environment: Readonly<Record<string, string>> = {};
  /** Every script that was sent, in order. */
  readonly scripts: string[] = [];
  readonly #tools: string;

  private constructor(directory: string) {
    this.home = join(directory, 'home');
    this.bin = join(directory, 'bin');
    this.#tools = join(directory, 'tools');
  }

  static async create(): Promise<LocalLogin> {
    const login = new LocalLogin(await mkdtemp(join(tmpdir(), 'slurmql-login-')));
    await Promise.all([login.home, login.bin, login.#tools].map((directory) => mkdir(directory)));
    await Promise.all(TOOLS.map((name) => symlink(whereIs(name), join(login.#tools, name))));
    // Takes the place of the machine's own profile in login shells.
    await writeFile(join(login.home, '.bash_profile'), `PATH='${login.#tools}'\n`);
    return login;
  }

  /**
   * Writes a command into a directory of the login, by default the one that stands first on the PATH. One that waits for
   * something ends with the login's home.
   */
  async command(name: string, lines: string, directory = this.bin): Promise<void> {
    await mkdir(directory, { recursive: true });
    const sleep = `sleep() { [ -d '${this.home}' ] || exit 1; command sleep "$@"; }`;
    await writeFile(join(directory, name), `#!/bin/sh\n${sleep}\n${lines}\n`);
    await chmod(join(directory, name), 0o755);
  }

  /** Lines for the end of the file that login shells read. */
  async profile(lines: string): Promise<void> {
    await writeFile(join(this.home, '.bash_profile'), `PATH='${this.#tools}'\n${lines}\n`);
  }

  async run(script: string): Promise<CommandResult> {
    this.scripts.push(script);
    const result = await runShell('/bin/sh', script, {
      cwd: this.home,
      environment: { HOME: this.home, SHELL: '/bin/bash', PATH: `${this.bin}:${this.#tools}`, ...this.environment },
    });
    return { ...result, stdout: asAsked(script, result.stdout) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(join(this.home, '..'), { recursive: true, force: true });
  }
}

export interface ShellOptions {
  readonly cwd?: string;
  /** All of its environment; by default this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Sends a script to the standard input of a shell, as it is sent to a cluster. */
export function runShell(
  shell: string,
  script: string,
  { cwd, environment }: ShellOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(shell, ['-s'], { cwd, env: environment ?? process.env, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ exitCode: code ?? 255, stdout, stderr }));
    // A shell that gives up early closes its input; its exit code tells.
    child.stdin.on('error', () => undefined);
    child.stdin.end(script);
  });
}

/** Runs a script and reads one of its sections. */
export async function runSection(script: Script, name: string, shell = '/bin/sh') {
  return script.read((await runShell(shell, script.text)).stdout, name);
}

/** What a script answers whose commands print recorded rows: their ends have the nonce that it asked for. */
export function asAsked(script: string, stdout: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ends.
  const nonce = /[\x1d-\x1f]([0-9a-f]{16})/.exec(script)?.[1];
  if (nonce === undefined) return stdout;
  const signs = ['\x1d', '\x1e', '\x1f'];
  return signs.reduce((text, sign) => text.replaceAll(`${sign}${RECORDED}`, `${sign}${nonce}`), stdout);
}

/** A row of a running job, as squeue prints it; what matters to a test is given. */
export function queueRow(
  parts: Partial<Record<(typeof QUEUE_FIELDS)[number], string>> = {},
  ends = queueEnds(RECORDED),
): string {
  const values = {
    ...{ JobArrayID: '7', State: 'RUNNING', exit_code: '0', StartTime: '1795494207', EndTime: '1827030207' },
    ...{ RestartCnt: '0', NodeList: 'gpu01', Partition: 'gpu', Reason: 'None', TimeLimit: '1-00:00:00' },
    'tres-alloc': 'cpu=4,mem=8G,node=1,billing=4,gres/gpu=2',
    Command: '/home/ada/slurmql/jobs/01K00000000000000000000042/job.sh',
    WorkDir: '/home/ada/slurmql/jobs/01K00000000000000000000042',
    ...parts,
  };
  return `${QUEUE_FIELDS.map((field) => `${values[field]}${endOf(field, ends)}`).join('')}\n`;
}

/** What a job shows in squeue that has not been given nodes. */
export const WAITING = {
  State: 'PENDING',
  StartTime: 'N/A',
  EndTime: 'N/A',
  NodeList: '',
  'tres-alloc': 'N/A',
} as const;

/** Everything that a snapshot of the queue says, task by task. */
export function everyJob({ observations, shared }: QueueSnapshot): readonly JobObservation[] {
  return [...observations, ...shared.flatMap((seen) => [...seen.tasks.indexes()].map((index) => taskOf(seen, index)))];
}

/** What a real Slurm 22.05.8 printed of jobs like ours. */
export function fixture(name: string): string {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
}

/** What each job of a fixture is to show, which is the name of its workspace there. */
export function labels(name: string): (seen: Ownership) => string | undefined {
  const found = fixture(name).matchAll(/\/home\/ada\/([\w-]+)\/jobs\/(\w{26})/g);
  const byId = new Map([...found].map(([, label = '', id = '']) => [id, label]));
  return ({ ownerId, directoryJobId }) => byId.get(ownerId ?? directoryJobId ?? '');
}

function whereIs(name: string): string {
  for (const directory of (process.env['PATH'] ?? '/usr/bin:/bin').split(':')) {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return join(directory, name);
    } catch {
      // Not here: the next directory.
    }
  }
  throw new Error(`${name} is needed for these tests and isn't on the PATH`);
}
