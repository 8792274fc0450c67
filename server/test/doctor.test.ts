import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKey, type LocalSlurm, oneTimeCode } from '@slurmql/local-slurm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { MAIN, ServerProcess, until } from './support/server.ts';
import { startSlurm } from './support/slurm.ts';
import { TcpProxy } from './support/tcp-proxy.ts';

interface Step {
  readonly name: string;
  readonly status: 'OK' | 'WARNING' | 'FAILED' | 'SKIPPED';
  readonly found: string;
  readonly advice: string | null;
  readonly seconds: number | null;
}

const CLUSTER = {
  nodes: [{ name: 'n1' }],
  partitions: [{ name: 'main', nodes: ['n1'] }],
  accounting: false,
  sshdConfig: ['LogLevel VERBOSE'],
} as const;

let slurm: LocalSlurm;
let directory: string;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startSlurm({
    clusters: [
      { ...CLUSTER, name: 'alpha' },
      { ...CLUSTER, name: 'code', twoFactor: 'key' },
    ],
  });
  stack.defer(() => slurm.stop());
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-doctor-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

type Settings = Readonly<Record<string, string | number>>;

/** How to reach a cluster, with settings of its own. */
function reach(name: string, settings: Settings = {}): Settings {
  const { host, port, user, identityFile, knownHosts } = slurm.cluster(name);
  return { host, port, user, identity_file: identityFile, known_hosts: knownHosts, ...settings };
}

/** JSON is YAML. */
async function configure(clusters: Readonly<Record<string, Settings>>): Promise<void> {
  await writeFile(join(directory, 'clusters.yaml'), JSON.stringify({ clusters }));
}

/** `slurmql` with an environment of its own, in the directory of clusters.yaml. */
class Command {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly exited: Promise<number | NodeJS.Signals>;

  constructor(program: string, words: readonly string[], variables: Readonly<Record<string, string>> = {}) {
    this.child = spawn(program, words, {
      cwd: directory,
      env: { PATH: process.env['PATH'], HOME: directory, ...variables },
      stdio: 'pipe',
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exited = once(this.child, 'close').then(([code, signal]) => code ?? signal);
  }

  static slurmql(...words: readonly string[]): Command {
    return new Command(process.execPath, [MAIN, ...words]);
  }

  /** The same in a terminal of its own, whose output is all in `stdout`. */
  static inTerminal(words: readonly string[], variables: Readonly<Record<string, string>> = {}): Command {
    const line = [process.execPath, MAIN, ...words].map((word) => `'${word}'`).join(' ');
    return new Command('script', ['-qefc', line, '/dev/null'], { TERM: 'xterm-256color', ...variables });
  }

  async prints(text: string): Promise<void> {
    await until(
      async () => this.stdout,
      (printed) => printed.includes(text),
    );
  }
}

async function examine(...names: readonly string[]) {
  const command = Command.slurmql('doctor', '--json', ...names);
  const code = await command.exited;
  expect(command.stderr).toBe('');
  const { clusters } = JSON.parse(command.stdout) as { clusters: { name: string; steps: Step[] }[] };
  const steps = new Map(clusters.map((cluster) => [cluster.name, cluster.steps]));
  const step = (cluster: string, name: string) => steps.get(cluster)?.find((one) => one.name === name);
  const statuses = (cluster: string) => steps.get(cluster)?.map(({ name, status }) => `${name} ${status}`);
  return { code, names: [...steps.keys()], step, statuses };
}

/** How often anybody has connected to its login node. */
async function connectionsTo(name: string): Promise<number> {
  const log = await readFile(`${slurm.cluster(name).directory}/sshd/sshd.log`, 'utf8');
  return log.match(/^Connection from/gm)?.length ?? 0;
}

/** The release that these tests are run on. */
const SLURM = new RegExp(`^Slurm ${inject('release') ?? '\\d'}`);

const CONNECTED = ['SETTINGS OK', 'REACH OK', 'HOST_KEY OK', 'LOGIN OK'];
const notCome = (...names: readonly string[]) => names.map((name) => `${name} SKIPPED`);
const AFTER_LOGIN = notCome(
  ...['SHELL', 'SLURM', 'QUEUE', 'ACCOUNTING', 'NODES', 'SFTP', 'GIT', 'WORKSPACE', 'SUBMIT'],
);

describe('slurmql doctor', () => {
  it('goes through every step of a good cluster with one login, and leaves nothing behind', async () => {
    await configure({ alpha: reach('alpha'), beta: { host: '127.0.0.1', port: 1 } });
    const before = await connectionsTo('alpha');
    const { code, names, statuses, step } = await examine('alpha');
    expect(statuses('alpha')).toEqual([
      ...CONNECTED,
      ...['SHELL OK', 'SLURM OK', 'QUEUE OK', 'ACCOUNTING WARNING', 'NODES OK', 'SFTP OK', 'GIT OK', 'WORKSPACE OK'],
      'SUBMIT OK',
    ]);
    expect({ code, names }).toEqual({ code: 0, names: ['alpha'] });
    expect(step('alpha', 'SLURM')).toMatchObject({ found: expect.stringMatching(SLURM), advice: null });
    expect(step('alpha', 'SLURM')?.seconds).toBeGreaterThan(0);
    expect(await connectionsTo('alpha')).toBe(before + 1);
    const home = await (await ClusterLogin.open(slurm.cluster('alpha'))).run('ls -A');
    expect(home).not.toContain('slurmql');
  });

  it('prints each step as it ends, in plain words where there is no terminal', async () => {
    await configure({ alpha: reach('alpha') });
    const command = Command.slurmql('doctor');
    expect(await command.exited).toBe(0);
    expect(command.stdout).toMatch(/^alpha \(127\.0\.0\.1\)\n {2}✓ ok {7}Settings {8}The configuration and the keys/);
    expect(command.stdout).toMatch(
      /^ {2}! warning {2}Accounting {6}This cluster keeps no accounting.*\n {29}→ Nothing/m,
    );
    expect(command.stdout).toMatch(/\n\nalpha: usable, with warnings: Accounting\n$/);
    expect(command.stdout).not.toContain('\x1b');
    expect(command.stderr).toBe('');
  });

  it('does not disturb a server that runs on the same files', async () => {
    await configure({ alpha: reach('alpha') });
    const server = new ServerProcess(directory, { SLURMQL_TOKEN: 'a-token-for-tests-only' });
    try {
      const address = /http:\S+/.exec(await server.firstLine())?.[0];
      const ask = async () => {
        const response = await fetch(`${address}/graphql`, {
          method: 'POST',
          headers: { authorization: 'Bearer a-token-for-tests-only', 'content-type': 'application/json' },
          body: JSON.stringify({ query: '{ cluster(name: "alpha") { status load { day { logins } } } }' }),
        });
        return JSON.stringify(await response.json());
      };
      const online = '{"data":{"cluster":{"status":"ONLINE","load":{"day":{"logins":1}}}}}';
      await until(ask, (answer) => answer === online);
      expect((await examine()).code).toBe(0);
      expect(await ask()).toBe(online);
      expect(server.errors).not.toContain('connection lost');
    } finally {
      await server.stop('SIGTERM');
    }
  });

  it('names the step that fails, why, and what to do, and goes on to the next cluster', async () => {
    const other = await createKey(join(slurm.scratch, 'doctor_host_key'));
    const knownHosts = join(slurm.scratch, 'doctor_known_hosts');
    const { host, port } = slurm.cluster('alpha');
    await writeFile(knownHosts, `[${host}]:${port} ${other}\n`);
    const wrongKey = join(slurm.scratch, 'doctor_key');
    await createKey(wrongKey);
    await configure({
      dead: { host: '127.0.0.1', port: 1, help: 'Start the VPN' },
      changed: reach('alpha', { known_hosts: knownHosts }),
      refused: reach('alpha', { identity_file: wrongKey }),
      alpha: reach('alpha'),
    });
    const before = await connectionsTo('alpha');
    const { code, statuses, step } = await examine();
    expect(code).toBe(1);

    expect(statuses('dead')).toEqual([
      ...['SETTINGS OK', 'REACH FAILED', 'HOST_KEY SKIPPED', 'LOGIN SKIPPED'],
      ...AFTER_LOGIN,
    ]);
    expect(step('dead', 'REACH')).toMatchObject({
      found: expect.stringContaining('connection refused'),
      advice: expect.stringContaining('Start the VPN'),
    });
    expect(statuses('changed')).toEqual([
      ...['SETTINGS OK', 'REACH OK', 'HOST_KEY FAILED', 'LOGIN SKIPPED'],
      ...AFTER_LOGIN,
    ]);
    expect(step('changed', 'HOST_KEY')).toMatchObject({
      found: expect.stringContaining(`${knownHosts}:1`),
      advice: expect.stringContaining('Never trust a key unseen'),
    });
    expect(statuses('refused')).toEqual([
      ...['SETTINGS OK', 'REACH OK', 'HOST_KEY OK', 'LOGIN FAILED'],
      ...AFTER_LOGIN,
    ]);
    expect(step('refused', 'LOGIN')).toMatchObject({
      found: expect.stringContaining(`It was offered ${wrongKey} and accepts publickey`),
      advice: expect.stringContaining('authorized_keys'),
    });
    expect(step('alpha', 'WORKSPACE')?.status).toBe('OK');
    expect(await connectionsTo('alpha')).toBe(before + 3);
  });

  it('tells what of the OpenSSH configuration is not judged, and runs nothing of it', async () => {
    const ran = join(directory, 'ran');
    await mkdir(join(directory, '.ssh'));
    const lines = `Match exec "touch ${ran}"\n  ProxyJump nowhere.invalid\nMatch exec true\n  ForwardAgent yes\n`;
    await writeFile(join(directory, '.ssh/config'), lines);
    await configure({ alpha: reach('alpha'), dead: { host: '127.0.0.1', port: 1 } });
    const { step } = await examine();
    const told = `${join(directory, '.ssh/config')}:1: "Match exec" isn't judged here, so ProxyJump below it is left out`;
    expect(step('alpha', 'SETTINGS')).toMatchObject({
      status: 'WARNING',
      found: `They can be read, but ${told}`,
      advice: expect.stringContaining('describe that way in clusters.yaml'),
    });
    expect(step('alpha', 'LOGIN')?.status).toBe('OK');
    expect(step('dead', 'REACH')?.found).toContain(
      `connection refused, no SSH server listens there. Of the OpenSSH configuration, ${told}`,
    );
    await expect(readFile(ran)).rejects.toThrow('ENOENT');
  });

  it('says so when there is no Slurm on the login', async () => {
    const login = await ClusterLogin.open(slurm.cluster('alpha'));
    // A login that finds the tools of the machine and nothing else, whichever start-up file it reads.
    await login.run(`mkdir tools
for tool in sh bash tar gzip find sed env date mkdir mv rm rmdir cat readlink tail timeout df id stat; do
  ln -s "$(command -v $tool)" tools/$tool
done
echo 'PATH="$HOME/tools"' | tee .bashrc >.profile`);
    try {
      await configure({ alpha: reach('alpha') });
      const { code, statuses, step } = await examine();
      expect(code).toBe(1);
      expect(statuses('alpha')).toEqual([
        ...CONNECTED,
        ...[
          'SHELL OK',
          'SLURM FAILED',
          ...notCome('QUEUE', 'ACCOUNTING', 'NODES'),
          'SFTP OK',
          'GIT OK',
          'WORKSPACE OK',
        ],
        'SUBMIT SKIPPED',
      ]);
      expect(step('alpha', 'SLURM')).toMatchObject({
        found: expect.stringContaining('sbatch'),
        advice: expect.stringContaining('sbatch --version'),
      });
    } finally {
      await login.run('rm -r .bashrc .profile tools');
    }
  });

  // Each of them stands for a release, or a script of the site, that doesn't know an option that is used.
  it.each([
    ['squeue', '--me', 'SLURM'],
    ['squeue', '--states=all', 'SLURM'],
    ['squeue', '--array*', 'SLURM'],
    ['scontrol', '--oneliner', 'NODES'],
    ['scontrol', '--details', 'NODES'],
    ['sbatch', '--parsable', 'SUBMIT'],
    ['sbatch', '--open-mode=*', 'SUBMIT'],
  ])("fails in the words of a %s that doesn't know %s", async (command, option, name) => {
    const login = await ClusterLogin.open(slurm.cluster('alpha'));
    const refusal = `${command}: unrecognized option '${option}'`;
    await using _wrapper = await login.wrap(
      command,
      `for word; do case $word in ${option}) echo "${refusal}" >&2; exit 1;; esac; done; exec "$real" "$@"`,
    );
    await configure({ alpha: reach('alpha') });
    const { code, step } = await examine();
    expect(code).toBe(1);
    expect(step('alpha', name)).toMatchObject({ status: 'FAILED', found: expect.stringMatching(command) });
    expect(step('alpha', name)?.found).toContain(`unrecognized option '${option}'`);
  });

  it('passes on what Slurm wants of every job, and leaves neither a job nor a file behind', async () => {
    const login = await ClusterLogin.open(slurm.cluster('alpha'));
    const refusal = 'sbatch: error: Batch job submission failed: Time limit specification required, but not provided';
    await using wrapper = await login.wrap(
      'sbatch',
      `case "$*" in *--version*) exec "$real" "$@";; esac; echo "${refusal}" >&2; exit 1`,
    );
    await configure({ alpha: reach('alpha') });
    const wanting = await examine();
    expect(wanting.code).toBe(0);
    expect(wanting.step('alpha', 'SUBMIT')).toMatchObject({
      status: 'WARNING',
      found: expect.stringContaining('Time limit specification required'),
    });
    await wrapper[Symbol.asyncDispose]();
    expect((await examine()).step('alpha', 'SUBMIT')?.status).toBe('OK');
    expect(await slurm.run('alpha', 'squeue', ['--noheader', '--states=all'])).toBe('');
    expect(await login.run('ls -A')).not.toContain('slurmql');
  });

  it('refuses wrong arguments with exit code 2, and asks no cluster', async () => {
    await configure({ alpha: reach('alpha') });
    const before = await connectionsTo('alpha');
    const refused = [
      [['doctor', 'alhpa'], /has no cluster "alhpa"; did you mean "alpha"\?/],
      [['doctor', '--jsno'], /Unknown option '--jsno'/],
      [['docter'], /no command "docter"; did you mean "doctor"\?/],
    ] as const;
    await Promise.all(
      refused.map(async ([words, said]) => {
        const command = Command.slurmql(...words);
        expect(await command.exited).toBe(2);
        expect(command.stderr).toMatch(said);
        expect(command.stderr.trimEnd().split('\n')).toHaveLength(2);
        expect(command.stdout).toBe('');
      }),
    );
    expect(await connectionsTo('alpha')).toBe(before);
  });

  it('tells line and column of what is wrong in clusters.yaml', async () => {
    await writeFile(join(directory, 'clusters.yaml'), 'clusters:\n  alpha:\n    host: here\n    worksapce: ~/x\n');
    const command = Command.slurmql('doctor');
    expect(await command.exited).toBe(1);
    expect(command.stderr).toBe(
      `${join(directory, 'clusters.yaml')}:4:5: clusters.alpha.worksapce: unknown key; did you mean "workspace"?\n`,
    );
    expect(command.stdout).toBe('');
  });

  it('says so when there is nothing to examine', async () => {
    await configure({});
    const command = Command.slurmql('doctor');
    expect(await command.exited).toBe(1);
    expect(command.stdout).toMatch(
      /^No cluster is configured in .*clusters\.yaml\. Write .* into .*clusters\.local\.yaml/,
    );
    expect(await examine()).toMatchObject({ code: 1, names: [] });
  });

  it('stops at once when it is interrupted', async () => {
    await using proxy = await TcpProxy.start(slurm.cluster('alpha'));
    proxy.stall();
    await configure({ alpha: reach('alpha', { port: proxy.port }) });
    const command = Command.slurmql('doctor');
    await command.prints('alpha');
    command.child.kill('SIGINT');
    expect(await command.exited).toBe('SIGINT');
    expect(command.stdout).toBe('alpha (127.0.0.1)\n');
  });
});

describe('slurmql doctor, when something breaks off in the middle', () => {
  it('fails what comes after a lost connection, and does not log in again', async () => {
    const login = await ClusterLogin.open(slurm.cluster('alpha'));
    await using proxy = await TcpProxy.start(slurm.cluster('alpha'));
    const knownHosts = join(slurm.scratch, 'doctor_proxy_hosts');
    await login.knownHostsFor(proxy.port, knownHosts);
    await configure({ alpha: reach('alpha', { port: proxy.port, known_hosts: knownHosts }) });
    await using _slow = await login.wrap('scontrol', 'touch ~/asked; sleep 600');
    const command = Command.slurmql('doctor', '--json');
    await until(
      () => login.run('ls'),
      (names) => names.includes('asked'),
    );
    const before = await connectionsTo('alpha');
    proxy.cut();
    expect(await command.exited).toBe(1);
    const { clusters } = JSON.parse(command.stdout) as { clusters: { steps: Step[] }[] };
    const statuses = clusters[0]?.steps.map(({ name, status }) => `${name} ${status}`);
    expect(statuses?.slice(4)).toEqual([
      ...['SHELL OK', 'SLURM FAILED', ...notCome('QUEUE', 'ACCOUNTING', 'NODES'), 'SFTP FAILED', 'GIT OK'],
      ...notCome('WORKSPACE', 'SUBMIT'),
    ]);
    expect(await connectionsTo('alpha')).toBe(before);
  });

  it('ends without a word when nobody reads what it prints', async () => {
    await configure({ alpha: reach('alpha') });
    const command = Command.slurmql('doctor');
    await command.prints('Settings');
    command.child.stdout?.destroy();
    expect(await command.exited).toBe(1);
    expect(command.stderr).toBe('');
  });
});

describe('slurmql doctor, when the login asks for a code', () => {
  const PROMPT = 'Verification code:';

  beforeEach(async () => {
    await configure({ code: reach('code') });
  });

  it('says without a terminal that a person is needed', async () => {
    const before = await connectionsTo('code');
    const { code, statuses, step } = await examine();
    expect(code).toBe(1);
    expect(statuses('code')?.slice(0, 5)).toEqual([
      ...['SETTINGS OK', 'REACH OK', 'HOST_KEY OK', 'LOGIN FAILED', 'SHELL SKIPPED'],
    ]);
    expect(step('code', 'LOGIN')).toMatchObject({
      found: expect.stringMatching(/asks "Verification code:": a person is needed$/),
      advice: expect.stringContaining('in a terminal'),
    });
    expect(await connectionsTo('code')).toBe(before + 1);
  });

  it('puts it to the person at the terminal, shows nothing of the answer, and goes on', async () => {
    const { twoFactor } = slurm.cluster('code');
    const command = Command.inTerminal(['doctor']);
    await command.prints(PROMPT);
    const answer = await oneTimeCode(twoFactor?.codeSecret ?? '');
    command.child.stdin?.write(`${answer}\r`);
    const code = await command.exited;
    expect(command.stdout).toContain('usable, with warnings: Accounting');
    expect(code).toBe(0);
    expect(command.stdout).toContain('what you type is not shown');
    expect(command.stdout).not.toContain(answer);
    // Colours, since this is a terminal.
    expect(command.stdout).toContain('\x1b[32m✓ ok');
  });

  it('asks once: a wrong answer ends it, without colours where they are not wanted', async () => {
    const before = await connectionsTo('code');
    const command = Command.inTerminal(['doctor'], { NO_COLOR: '1' });
    await command.prints(PROMPT);
    command.child.stdin?.write('1\r');
    expect(await command.exited).toBe(1);
    expect(command.stdout.split(PROMPT)).toHaveLength(2);
    expect(command.stdout).toContain('did not accept the answer');
    for (const colour of [1, 31, 32, 33, 90]) expect(command.stdout).not.toContain(`\x1b[${colour}m`);
    expect(await connectionsTo('code')).toBe(before + 1);
  });

  it('ends at once when the answer is Ctrl-C', async () => {
    const command = Command.inTerminal(['doctor']);
    await command.prints(PROMPT);
    command.child.stdin?.write('\x03');
    expect(await command.exited).toBe(130);
    expect(command.stdout).not.toContain('failed');
  });
});

it('the command that npm links says what is missing as long as nothing is built', async () => {
  const copy = join(directory, 'bin', 'slurmql.js');
  await mkdir(join(directory, 'bin'));
  await writeFile(join(directory, 'package.json'), '{"type": "module"}');
  await writeFile(copy, await readFile(new URL('../bin/slurmql.js', import.meta.url)));
  const command = new Command(process.execPath, [copy, 'doctor']);
  expect(await command.exited).toBe(1);
  expect(command.stderr).toContain('npm run build');
});
