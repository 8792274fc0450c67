import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BatchScriptParts, batchScript, DOUBLE_EXIT_CODE, environmentFile } from './batch-script.ts';
import { lastEnd } from './parse/markers.ts';

const JOB_ID = '01K00000000000000000000042';

interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A node on which Slurm starts batch scripts: a real bash, in a job's directory as it is on the cluster. */
class Node {
  readonly home: string;
  readonly workDir: string;

  private constructor(directory: string) {
    this.home = join(directory, 'home');
    // A directory whose name has to be quoted.
    this.workDir = join(directory, "it's 100% $HOME");
  }

  static async create(): Promise<Node> {
    const node = new Node(await mkdtemp(join(tmpdir(), 'slurmql-node-')));
    await mkdir(join(node.home, 'bin'), { recursive: true });
    await writeFile(join(node.home, '.bash_profile'), 'PATH="$HOME/bin:/usr/local/bin:/usr/bin:/bin"\n');
    await mkdir(join(node.workDir, 'run'), { recursive: true });
    await mkdir(join(node.workDir, 'source'));
    await node.environment([]);
    return node;
  }

  async environment(variables: Parameters<typeof environmentFile>[0]): Promise<void> {
    await writeFile(join(this.workDir, 'environment.sh'), environmentFile(variables));
  }

  /** Writes a program that the login finds. */
  async program(name: string, lines: string): Promise<void> {
    await writeFile(join(this.home, 'bin', name), `#!/bin/bash\n${lines}\n`);
    await chmod(join(this.home, 'bin', name), 0o755);
  }

  async start(
    parts: Partial<BatchScriptParts>,
    slurm: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly child: ChildProcess; readonly ended: Promise<Ended>; printed(text: string): Promise<void> }> {
    const file = join(this.workDir, 'job.sh');
    const nothing = { clusterPrologue: null, projectPrologue: null, condaEnv: null, command: 'true' };
    // Whole at once: another one may be reading it.
    const part = `${file}.${randomUUID()}`;
    await writeFile(part, batchScript({ jobId: JOB_ID, workDir: this.workDir, ...nothing, ...parts }));
    await rename(part, file);
    const child = spawn('/bin/bash', [file], {
      // There it is where sbatch was run; without it, Slurm starts jobs in /tmp.
      cwd: existsSync(join(this.workDir, 'source')) ? join(this.workDir, 'source') : '/tmp',
      env: { HOME: this.home, PATH: '/usr/bin:/bin', SLURM_JOB_ID: '1234', ...slurm },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
    });
    const printed = (text: string) =>
      new Promise<void>((resolve, reject) => {
        const look = () => {
          if (stdout.includes(text)) resolve();
        };
        child.stdout.on('data', look);
        ended.then(() => reject(new Error(`the script ended without printing ${text}: ${stdout}${stderr}`)), reject);
        look();
      });
    return { child, ended, printed };
  }

  async run(parts: Partial<BatchScriptParts>, slurm: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return (await this.start(parts, slurm)).ended;
  }

  /** What stands in the directory of records, by name; links by what they point to. */
  async records(): Promise<Record<string, string>> {
    const records = join(this.workDir, 'run');
    const names = (await readdir(records)).sort();
    return Object.fromEntries(
      await Promise.all(
        names.map(async (name) => [
          name,
          await (name.endsWith('.claim') ? readlink(join(records, name)) : readFile(join(records, name), 'utf8')),
        ]),
      ),
    );
  }

  async endMarker(name = 'job.0.end') {
    const text = (await this.records())[name];
    const record = text === undefined ? null : lastEnd(`${name} ${text}`);
    return record === 'begun' ? null : record;
  }

  async remove(): Promise<void> {
    await rm(join(this.home, '..'), { recursive: true, force: true });
  }
}

let node: Node;
beforeEach(async () => {
  node = await Node.create();
});
afterEach(() => node.remove());

describe('a batch script', () => {
  it('runs the command in the project and records its beginning and its end', async () => {
    const { exitCode, stdout, stderr } = await node.run({ command: 'pwd; echo "to stderr" >&2' });
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 0,
      stdout: `${node.workDir}/source\n`,
      stderr: 'to stderr\n',
    });
    const records = await node.records();
    expect(Object.keys(records)).toEqual(['job.0.command', 'job.0.end', 'job.0.start', 'job.claim']);
    expect(records['job.claim']).toBe('1234');
    expect(records['job.0.start']).toMatch(/^job=1234 at=\d+\n$/);
    const marker = await node.endMarker();
    expect(marker?.exitCode).toBe(0);
    expect(Math.abs(Date.now() - (marker?.endedAt.getTime() ?? 0))).toBeLessThan(3_600_000);
  });

  it.each([
    ['exit 1', 1],
    ['exit 143', 143],
    ['exit 255', 255],
    ['(exit 3); false', 1],
    ["bash -c 'kill -9 $$'; exit", 137],
    ['no-such-program', 127],
    ['set -e\nfalse\necho not reached', 1],
  ])('ends as its command does: %j with code %i', async (command, code) => {
    const { exitCode, stdout } = await node.run({ command });
    expect({ exitCode, stdout, marker: (await node.endMarker())?.exitCode }).toEqual({
      exitCode: code,
      stdout: '',
      marker: code,
    });
  });

  it.each(['if true; then', "echo 'unfinished", 'fi', 'cat <<EOF', '$(', '}', ')'])(
    'records the end even when the command is no shell: %j',
    async (command) => {
      const { exitCode } = await node.run({ command });
      expect(await node.endMarker()).toMatchObject({ exitCode });
      expect(Object.keys(await node.records())).toContain('job.0.start');
    },
  );

  it("runs the command where the login's environment asks bash for POSIX mode", async () => {
    const { exitCode, stdout } = await node.run({ command: 'echo ran; exit 3' }, { POSIXLY_CORRECT: '1' });
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: 'ran\n' });
    expect(await node.endMarker()).toMatchObject({ exitCode: 3 });
  });

  it('hands the command to bash as it was written', async () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replace(/[\0\r\n]/g, ' '));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
        const body = ['$HOME `id` \\ \' "', '\\', 'EOF', 'END_OF_SOMETHING_ELSE', ...lines].join('\n');
        await rm(join(node.workDir, 'run', 'job.claim'), { force: true });
        const { exitCode, stdout } = await node.run({ command: `cat <<'the end of it'\n${body}\nthe end of it` });
        expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${body}\n` });
      }),
      { numRuns: 15 },
    );
  });

  it('refuses a command that holds the line which ends it inside the script', () => {
    const parts = { jobId: JOB_ID, workDir: '/w', clusterPrologue: null, projectPrologue: null, condaEnv: null };
    expect(() => batchScript({ ...parts, command: `echo a\nEND_OF_${JOB_ID}\nrm -rf ~` })).toThrow(TypeError);
    expect(() => batchScript({ ...parts, command: 'true', projectPrologue: `END_OF_${JOB_ID}` })).toThrow(TypeError);
  });

  it('runs the longest prologue and command that are taken', async () => {
    const long = (bytes: number) => `#${'x'.repeat(bytes - 1)}`;
    const { exitCode, stdout } = await node.run({
      clusterPrologue: long(16 * 1024),
      projectPrologue: long(16 * 1024),
      command: `${long(32 * 1024 - 8)}\necho ok`,
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'ok\n' });
  });

  it('says why when the project is not there', async () => {
    await rm(join(node.workDir, 'source'), { recursive: true });
    const { exitCode, stderr } = await node.run({ command: 'echo not reached' });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('source');
    expect(await node.endMarker()).toMatchObject({ exitCode: 1 });
  });

  it('keeps its records whatever start-up files set, which holds for the command as in any login shell', async () => {
    await appendFile(
      join(node.home, '.bash_profile'),
      `set -eufC -o pipefail
shopt -s expand_aliases
alias mv='mv -i' printf='echo' ln='ln -f' cd='echo'\n`,
    );
    const { exitCode, stdout } = await node.run({ command: 'pwd; cd /; echo "$-"; false; echo not reached' });
    expect(stdout).toBe(`${node.workDir}/source\n/\nefhuBC\n`);
    expect(exitCode).toBe(1);
    expect(await node.endMarker()).toMatchObject({ exitCode: 1 });
    expect(Object.keys(await node.records())).toContain('job.0.command');
  });

  it('runs nothing without its environment', async () => {
    await rm(join(node.workDir, 'environment.sh'));
    const { exitCode, stdout } = await node.run({ command: 'echo not reached' });
    expect({ isFailed: exitCode !== 0, stdout }).toEqual({ isFailed: true, stdout: '' });
    expect((await node.endMarker())?.exitCode).toBe(exitCode);
  });
});

describe('what runs before the command', () => {
  it("is the cluster's prologue, then the project's, then conda, in the shell of the command", async () => {
    await node.program('conda', `[ "$1" = shell.bash ] && echo 'conda() { echo "conda $*"; ORDER="$ORDER conda"; }'`);
    const { exitCode, stdout } = await node.run({
      clusterPrologue: 'ORDER="cluster"\n# a remark at the end',
      projectPrologue: '  \nORDER="$ORDER project"\n',
      condaEnv: "it's $HOME",
      command: 'echo "$ORDER command"',
    });
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: "conda activate it's $HOME\ncluster project conda command\n",
    });
  });

  it('ends the job when the conda environment can not be activated', async () => {
    await node.program('conda', `[ "$1" = shell.bash ] && echo 'conda() { return 1; }'`);
    const { exitCode, stdout, stderr } = await node.run({ condaEnv: 'torch', command: 'echo not reached' });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain("The conda environment torch can't be activated.");
  });

  it('ends the job when there is no conda', async () => {
    const { exitCode, stdout, stderr } = await node.run({ condaEnv: 'torch', command: 'echo not reached' });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain("The conda environment torch can't be activated.");
  });

  it('finds conda where it is usually installed', async () => {
    const base = join(node.home, 'miniforge3', 'etc', 'profile.d');
    await mkdir(base, { recursive: true });
    await writeFile(join(base, 'conda.sh'), 'conda() { [ "$1" = shell.bash ] || echo "conda $*"; }\n');
    const { stdout } = await node.run({ condaEnv: 'torch', command: 'echo ran' });
    expect(stdout).toBe('conda activate torch\nran\n');
  });
});

describe('the environment of a job', () => {
  it('has exactly the values that were given, whatever is in them', async () => {
    const value = fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => !text.includes('\0'));
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 8 }), async (random) => {
        const values = ["it's", 'two\nlines\n', '$HOME `id` "quoted"', '', '\\', ...random];
        const variables = values.map((text, index) => ({ name: `VALUE_${index}`, value: text }));
        await node.environment(variables);
        await rm(join(node.workDir, 'run', 'job.claim'), { force: true });
        const { stdout } = await node.run({
          command: variables.map(({ name }) => `printf '%s\\036' "$${name}"`).join('\n'),
        });
        expect(stdout.split('\x1e').slice(0, -1)).toEqual(values);
      }),
      { numRuns: 15 },
    );
  });

  it('reaches programs and not only the shell', async () => {
    await node.environment([{ name: 'WANDB_API_KEY', value: 'secret value' }]);
    expect((await node.run({ command: "env | sed -n 's/^WANDB_API_KEY=//p'" })).stdout).toBe('secret value\n');
  });

  it('is no part of the script, which people are shown', () => {
    const text = batchScript({
      jobId: JOB_ID,
      workDir: '/w',
      clusterPrologue: null,
      projectPrologue: null,
      condaEnv: null,
      command: 'true',
    });
    expect(text).toContain('/environment.sh');
    expect(text).not.toContain(environmentFile([{ name: 'NAME', value: 'value' }]).slice(0, 11));
  });

  it.each(['directory', 'task', 'id', 'record', 'commands', 'payload', 'code', 'interrupted', 'end', 'mark'])(
    'may have a variable named %s: the script keeps its own apart',
    async (name) => {
      await node.environment([{ name, value: '/tmp' }]);
      const { exitCode, stdout } = await node.run({ command: `pwd; echo "$${name}"; exit 5` });
      expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: `${node.workDir}/source\n/tmp\n` });
      expect(await node.endMarker()).toMatchObject({ exitCode: 5 });
    },
  );

  it.each(['directory', 'task', 'id', 'record', 'commands', 'code'])(
    "keeps what the login's environment says of a variable named %s",
    async (name) => {
      const { stdout } = await node.run({ command: `echo "$${name}"` }, { [name]: 'from the login' });
      expect(stdout).toBe('from the login\n');
    },
  );
});

describe('the claim of a directory', () => {
  it('lets one job of Slurm in, and turns another one away with a code of its own', async () => {
    await node.run({ command: 'echo first' }, { SLURM_JOB_ID: '1234' });
    const before = await node.records();
    const { exitCode, stdout, stderr } = await node.run({ command: 'echo second' }, { SLURM_JOB_ID: '1235' });
    expect({ exitCode, stdout }).toEqual({ exitCode: DOUBLE_EXIT_CODE, stdout: '' });
    expect(stderr).toBe('Slurm job 1235 is a double of 1234 and does nothing.\n');
    expect(await node.records()).toEqual(before);
  });

  it('that cannot be made is a failure, and nothing runs', async () => {
    await rm(join(node.workDir, 'run'), { recursive: true });
    const { exitCode, stdout, stderr } = await node.run({ command: 'echo not reached' });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain("can't be written from this node");
  });

  it('lets the same job in again after a requeue, which gets records of its own', async () => {
    await node.run({ command: 'exit 143' }, { SLURM_JOB_ID: '1234' });
    const { stdout } = await node.run({ command: 'echo again' }, { SLURM_JOB_ID: '1234', SLURM_RESTART_COUNT: '1' });
    expect(stdout).toBe('again\n');
    expect(await node.endMarker('job.0.end')).toMatchObject({ exitCode: 143 });
    expect(await node.endMarker('job.1.end')).toMatchObject({ exitCode: 0 });
  });

  it('lets exactly one in of several that start at the same moment', async () => {
    const ids = ['1', '2', '3', '4', '5', '6'];
    const ends = await Promise.all(ids.map((id) => node.run({ command: 'echo worked' }, { SLURM_JOB_ID: id })));
    expect(ends.filter(({ stdout }) => stdout === 'worked\n')).toHaveLength(1);
    const codes = ends.map(({ exitCode }) => exitCode);
    expect(codes.toSorted()).toEqual([0, ...ids.slice(1).map(() => DOUBLE_EXIT_CODE)]);
  });

  it("is each task's own in an array, by the number of the array", async () => {
    const array = { SLURM_ARRAY_JOB_ID: '8' };
    const command = 'echo "task $SLURM_ARRAY_TASK_ID"; exit "$SLURM_ARRAY_TASK_ID"';
    const ends = await Promise.all([
      node.run({ command }, { ...array, SLURM_ARRAY_TASK_ID: '0', SLURM_JOB_ID: '9' }),
      node.run({ command }, { ...array, SLURM_ARRAY_TASK_ID: '3', SLURM_JOB_ID: '8' }),
    ]);
    expect(ends.map(({ exitCode, stdout }) => ({ exitCode, stdout }))).toEqual([
      { exitCode: 0, stdout: 'task 0\n' },
      { exitCode: 3, stdout: 'task 3\n' },
    ]);
    expect(await node.records()).toMatchObject({
      '0.claim': '8',
      '3.claim': '8',
      '0.0.end': expect.stringContaining('job=9 code=0'),
      '3.0.end': expect.stringContaining('job=8 code=3'),
    });
  });
});

describe('a signal from Slurm', () => {
  it('reaches the command, which is waited for and whose exit code counts', async () => {
    const { child, ended, printed } = await node.start({
      command: `trap 'echo saving; sleep 0.2; echo saved; exit 7' TERM
echo ready
while :; do sleep 0.05; done`,
    });
    await printed('ready');
    expect(await node.endMarker()).toBeNull();
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ exitCode: 7, stdout: 'ready\nsaving\nsaved\n' });
    expect(await node.endMarker()).toMatchObject({ exitCode: 7 });
  });

  it('may come several times without cutting the command short', async () => {
    const { child, ended, printed } = await node.start({
      command: `count=0
trap 'count=$((count + 1)); echo "signal $count"' TERM
echo ready
while [ "$count" -lt 3 ]; do sleep 0.05; done
exit 9`,
    });
    await printed('ready');
    for (const number of [1, 2, 3]) {
      child.kill('SIGTERM');
      // One that comes in the very moment in which bash begins to wait is put off until the next one.
      const again = setInterval(() => child.kill('SIGTERM'), 2000);
      await printed(`signal ${number}`);
      clearInterval(again);
    }
    expect((await ended).exitCode).toBe(9);
    expect(await node.endMarker()).toMatchObject({ exitCode: 9 });
  });

  it.each(['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'ALRM', 'TERM', 'CONT', 'TSTP', 'WINCH'] as const)(
    'is that of the command: its handler of %s runs once and decides the end',
    async (name) => {
      const { child, ended, printed } = await node.start({
        command: `trap 'echo handled; exit 0' ${name}\necho ready\nwhile :; do sleep 0.05; done`,
      });
      await printed('ready');
      child.kill(`SIG${name}`);
      expect(await ended).toMatchObject({ exitCode: 0, signal: null, stdout: 'ready\nhandled\n' });
      expect(await node.endMarker()).toMatchObject({ exitCode: 0 });
    },
  );

  it.each([
    ['TERM', 'kill -TERM $$'],
    ['KILL', 'kill -KILL $$'],
    ['USR1', 'kill -USR1 $$'],
    ['SEGV', 'kill -SEGV $$'],
    ['HUP', "exec bash -c 'kill -HUP $$'"],
  ])('ends the job as it ends the command: SIG%s by %j', async (name, command) => {
    const { exitCode, signal, stdout } = await node.run({ command: `echo first; ${command}; echo not reached` });
    expect({ exitCode, signal, stdout }).toEqual({ exitCode: null, signal: `SIG${name}`, stdout: 'first\n' });
    // What is written on the way is no sure end, and never a good one.
    expect((await node.endMarker())?.exitCode ?? null).toBeNull();
  });

  it.each(['HUP', 'INT', 'ALRM', 'TERM', 'USR1', 'USR2', 'XCPU'] as const)(
    'keeps no end from being recorded by coming while it is: %s',
    async (name) => {
      // Before every command but the first of all and the first two of what records the end.
      const again = `trap '[ "$((count += 1))" -lt 4 ] || kill -${name} "$$"' DEBUG`;
      expect(await node.run({ command: `${again}\nexit 3` })).toMatchObject({ exitCode: 3 });
      expect(await node.endMarker()).toMatchObject({ exitCode: 3, isInterrupted: false });

      const first = await node.run({ command: `${again}\nkill -TERM "$$"` }, { SLURM_RESTART_COUNT: '1' });
      expect(first).toMatchObject({ exitCode: null, signal: 'SIGTERM' });
      expect(await node.endMarker('job.1.end')).toMatchObject({ exitCode: null, isInterrupted: true });

      // Whenever a program is run for it.
      const later = `command() { kill -${name} "$$"; builtin command "$@"; }`;
      const second = await node.run({ command: `${later}\nexit 4` }, { SLURM_RESTART_COUNT: '2' });
      expect(second).toMatchObject({ exitCode: 4 });
      expect(await node.endMarker('job.2.end')).toMatchObject({ exitCode: 4, isInterrupted: false });
    },
  );

  it('reaches the program that takes the place of the shell', async () => {
    const { child, ended, printed } = await node.start({ command: "exec bash -c 'echo ready; exec sleep 600'" });
    await printed('ready');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ exitCode: null, signal: 'SIGTERM' });
    expect(await node.endMarker()).toBeNull();
  });

  it('that comes before the command runs keeps it from running, and is recorded as no good end', async () => {
    await appendFile(join(node.workDir, 'environment.sh'), 'kill -TERM $$\n');
    expect(await node.run({ command: 'echo ran' })).toMatchObject({ exitCode: null, signal: 'SIGTERM', stdout: '' });
    expect(await node.endMarker()).toMatchObject({ exitCode: null, isInterrupted: true });
    expect(Object.keys(await node.records())).not.toContain('job.0.command');
  });
});

describe('start-up files of the login', () => {
  const ENDING = {
    'an exit for shells that are not interactive': 'case $- in *i*) ;; *) exit ;; esac',
    'an exit with success': 'exit 0',
    'an exit from inside a function': 'leave() { exit 7; }; leave',
    'another shell in the place of this one': 'exec zsh -l',
    'this shell once more': 'exec bash',
    'a program that is not there': 'exec /nowhere/fish -l',
    'another shell by way of env': '[ -n "$ZSH_VERSION" ] || exec -l /usr/bin/env true',
    'a fault where every fault ends the shell': 'set -e; false; (exit 3)',
    'a name without a value where that ends the shell': 'set -u; echo "$nothing"; set +u',
    'a value that has to be there': `: "\${nothing:?is not set}"`,
    'a return': 'return 3',
    logout: 'logout',
  };

  it.each(Object.entries(ENDING))('do not end the job by %s', async (_what, ending) => {
    await appendFile(
      join(node.home, '.bash_profile'),
      `export EXPORTED="a  value"; greet() { echo "hello $1"; }; umask 027; ulimit -c 0\n${ending}\n`,
    );
    const { exitCode, stdout, signal } = await node.run({
      command:
        'greet you; echo "$EXPORTED $(umask) $(ulimit -c) $PWD"; type -t exec; compgen -v BASH_COMPAT || compgen -v slurmql || exit 3',
    });
    expect({ exitCode, signal, stdout }).toEqual({
      exitCode: 3,
      signal: null,
      stdout: `hello you\na  value 0027 0 ${node.workDir}/source\nbuiltin\n`,
    });
    expect(await node.endMarker()).toMatchObject({ exitCode: 3 });
    expect(Object.keys(await node.records())).toEqual(['job.0.command', 'job.0.end', 'job.0.start', 'job.claim']);
  });

  it.each(['.bash_profile', '.bash_login', '.profile'])('are read as bash reads them: %s', async (name) => {
    await rm(join(node.home, '.bash_profile'));
    await writeFile(join(node.home, '.bashrc'), 'echo no; export HF_HOME=/rc\n');
    if (name !== '.profile') await writeFile(join(node.home, '.profile'), 'echo no\n');
    await writeFile(
      join(node.home, name),
      `echo "read by $0 in \${BASH_SOURCE[0]}"; export HF_HOME=/profile; cd /tmp\n`,
    );
    await node.environment([{ name: 'HF_HOME', value: '/asked' }]);
    const { stdout, stderr } = await node.run({ command: 'echo "$HF_HOME $PWD"; shopt -q login_shell && echo login' });
    expect({ stdout, stderr }).toEqual({
      stdout: `read by ${node.workDir}/job.sh in ${node.home}/${name}\n/asked ${node.workDir}/source\nlogin\n`,
      stderr: '',
    });
  });

  it('may run programs in subshells, and have them replaced', async () => {
    await appendFile(join(node.home, '.bash_profile'), `FOUND=$(exec echo found); (exec echo child); (exit 4) || :\n`);
    expect(await node.run({ command: 'echo "$FOUND"' })).toMatchObject({ exitCode: 0, stdout: 'child\nfound\n' });
  });

  it('may set what is done at the end of their shell', async () => {
    await appendFile(join(node.home, '.bash_profile'), `trap 'echo "clean up"' EXIT\n`);
    expect(await node.run({ command: 'echo ran; exit 4' })).toMatchObject({ exitCode: 4, stdout: 'ran\nclean up\n' });
    expect(Object.keys(await node.records())).toContain('job.0.command');
  });

  it('that take the place of the shell all the same leave no sign that the command had begun', async () => {
    await appendFile(join(node.home, '.bash_profile'), 'builtin exec true\n');
    expect(await node.run({ command: 'echo ran' })).toMatchObject({ exitCode: 0, stdout: '' });
    expect(Object.keys(await node.records())).toEqual(['job.0.start', 'job.claim']);
  });

  it('are followed by what BASH_ENV names, once', async () => {
    const file = join(node.home, 'env.sh');
    await writeFile(file, 'echo "BASH_ENV"; exit 0\n');
    await appendFile(join(node.home, '.bash_profile'), 'echo profile\n');
    const { stdout } = await node.run({ command: 'echo "$BASH_ENV"' }, { slurmql_bash_env: file });
    expect(stdout).toBe(`profile\nBASH_ENV\n${file}\n`);
  });

  it.each(['exit', 'exit 0', 'builtin exit 0', 'f() { exit 0; }; f'])(
    'a prologue that ends the job by %j is no success',
    async (ending) => {
      const { exitCode, stderr, stdout } = await node.run({ projectPrologue: ending, command: 'echo ran' });
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toBe('Nothing was run: what runs before the command ended the job.\n');
      expect(await node.endMarker()).toMatchObject({ exitCode: 1 });
    },
  );

  it.each(['if true; then', "echo 'open", 'cat <<END'])(
    'a prologue that is no shell runs no command: %j',
    async (prologue) => {
      await node.run({ projectPrologue: prologue, command: 'echo ran' });
      expect(Object.keys(await node.records())).not.toContain('job.0.command');
    },
  );
});

describe('what a command sees of its shell', () => {
  /** The same script as a person gives it to sbatch. */
  async function byHand(command: string): Promise<Ended> {
    const file = join(node.home, 'by-hand.sh');
    await writeFile(file, `#!/bin/bash -l\n${command}\n`);
    const child = spawn('/bin/bash', ['-l', file], {
      cwd: join(node.workDir, 'source'),
      env: { HOME: node.home, PATH: '/usr/bin:/bin', SLURM_JOB_ID: '1234' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const parts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        parts[name] += text;
      });
    return new Promise((resolve) => {
      child.once('close', (exitCode, signal) => resolve({ exitCode, signal, ...parts }));
    });
  }

  it.each([
    'env | sort | grep -v "^_="',
    'compgen -v | grep -v "^\\(BASH_LINENO\\|_\\)$"; declare -F; alias -p; shopt -p; set +o; echo "$-"',
    'echo "$# $$ $BASHPID" | tr 0-9 n; [ "$$" = "$BASHPID" ] && echo same; echo "$SHLVL $BASH_SUBSHELL"',
    `[ "\${BASH_SOURCE[0]}" = "$0" ] && echo main`,
    'umask; ulimit -a; pwd; jobs; dirs',
    // Without a pipe, of which the shell may still hold an end while ls looks.
    'grep "^Sig[BI]" /proc/self/status; ls /proc/self/fd /proc/$$/fd >"$HOME/fds"; grep -v "^/" "$HOME/fds"',
    'f() { echo "$FUNCNAME $1"; return 3; }; f x; echo $?; return 4; echo "still here $?"',
    'echo "caf\\xe9 é"; printf "%s" "$(locale)"',
    'cat <<EOF\nnever closed $HOME',
    'echo a \\',
    "echo 'never closed",
    'exit 300',
    'nothing-like-that',
    'trap "echo at the end; exit 9" EXIT; exit 2',
    'set -e; trap "echo failed" ERR; false; echo no',
    'exec 3>&1; echo to three >&3; exec >/dev/null; echo hidden',
    `unset \${!SLURM_*}; PATH=/nowhere; IFS=1; cd /; exit 5`,
    'sleep 0.1 & wait; echo $?; wait -n 2>/dev/null; echo $?',
    'shopt -s expand_aliases; alias greet="echo hi"\ngreet',
    'break; continue; echo on',
    "sh -c 'kill -9 $$'; echo $?",
    'read -r line; echo "read $? $line"',
    'false',
    'echo working; (exit 4)',
    'set -e; false',
    'exit',
    'f() { exit 5; }; f',
    'trap "echo before each" DEBUG; echo one; echo two',
    'count=0; trap "((count += 1))" DEBUG; echo one; trap "echo $count" EXIT',
  ])('is what it would see by hand: %j', async (command) => {
    await appendFile(
      join(node.home, '.bash_profile'),
      'greet() { echo "hello $1"; }; alias ll="ls -l"; shopt -s extglob\n',
    );
    const [hand, ours] = [await byHand(command), await node.run({ command })];
    const told = ({ exitCode, signal, stdout }: Ended) => ({ exitCode, signal, stdout });
    expect(told(ours)).toEqual(told(hand));
    expect(ours.stderr === '').toBe(hand.stderr === '');
  });

  const LOGOUTS = ['exit 0', 'exec true', 'exit 7', 'echo bye', 'false', 'printf "\\033[H\\033[J"', 'kill -TERM $$'];

  it.each(LOGOUTS)('is followed by what ends a login no other way than by hand: %s', async (logout) => {
    await writeFile(join(node.home, '.bash_logout'), `${logout}\n`);
    for (const command of ['echo hi', 'false', 'exit 3', 'set -e; false', 'sh -c "exit 9"', 'kill -USR1 $$']) {
      expect(await node.run({ command }), command).toEqual(await byHand(command));
    }
  });

  it.each(LOGOUTS)(
    'is nothing, and the job fails, whatever ends a login, where its project is gone: %s',
    async (logout) => {
      await writeFile(join(node.home, '.bash_logout'), `${logout}\n`);
      await rm(join(node.workDir, 'source'), { recursive: true });
      expect(await node.run({ command: 'echo ran' })).toMatchObject({ exitCode: 1, stdout: '' });
      await rm(join(node.workDir, 'environment.sh'));
      expect(await node.run({ command: 'echo ran' })).toMatchObject({ exitCode: 1, stdout: '' });
      expect(await node.run({ command: 'echo ran', clusterPrologue: 'exit 0' })).toMatchObject({
        exitCode: 1,
        stdout: '',
      });
    },
  );

  it.each(['set -x', 'set -euxo pipefail', "PS4='> '; set -x", 'set -o xtrace; f() { :; }; f', 'set -x; exec 2>&1'])(
    'is traced without what records the end: %s',
    async (trace) => {
      const command = `${trace}\necho hi\nfalse || echo no`;
      const [hand, ours] = [await byHand(command), await node.run({ command })];
      // Two levels deeper, of which the first character of PS4 tells.
      const atDepth = (text: string) => text.replaceAll(/^([+>])\1\1/gm, '$1');
      expect(atDepth(ours.stderr)).toBe(hand.stderr);
      expect(atDepth(ours.stdout)).toBe(hand.stdout);
    },
  );

  it("is told of by its own trap for each command, not by what records the end, nor by the batch script's lines", async () => {
    await appendFile(join(node.home, '.bash_profile'), "trap 'echo each' DEBUG\n");
    const command = 'echo one; echo two';
    const [hand, ours] = [await byHand(command), await node.run({ command })];
    expect(ours.stdout.slice(ours.stdout.indexOf('each\none'))).toBe('each\none\neach\ntwo\n');
    expect(ours.stdout.split('each').length - hand.stdout.split('each').length).toBeLessThanOrEqual(6);
  });

  it('holds one trap more: the one that records the end', async () => {
    expect((await node.run({ command: 'trap -p | grep -c "^trap"; trap -p | sed -n 1p' })).stdout).toContain('slurmql');
    expect((await byHand('trap -p')).stdout).toBe('');
  });
});

describe('where sbatch was run', () => {
  const seen = 'echo "$SLURM_SUBMIT_DIR"; echo "$PBS_O_WORKDIR"; echo "$FROM_PROLOG"; compgen -v slurmql_empty';

  it.each([
    ['in a job', {}, 'submit'],
    ['in a task of an array', { SLURM_ARRAY_JOB_ID: '1234', SLURM_ARRAY_TASK_ID: '3' }, 'submit'],
    ['in an attempt after a requeue', { SLURM_RESTART_COUNT: '2' }, 'submit'],
    [
      'in the first component of a heterogeneous job',
      { SLURM_HET_SIZE: '2', SLURM_JOB_ID_HET_GROUP_1: '1235' },
      'submit',
    ],
    ['after an sbatch that was lost', {}, 'submit.failed.3'],
    ['after Slurm was away', {}, 'submit.unasked'],
  ])('is the project, %s', async (_what, slurm, submit) => {
    const empty = join(node.workDir, submit, 'empty');
    const prolog = { SLURM_SUBMIT_DIR: empty, PBS_O_WORKDIR: empty, FROM_PROLOG: `${empty}/a:${empty}/b&c` };
    const source = join(node.workDir, 'source');
    const { stdout, stderr } = await node.run({ command: seen }, { ...slurm, ...prolog });
    expect({ stdout, stderr }).toEqual({
      stdout: `${source}\n${source}\n${source}/a:${source}/b&c\n`,
      stderr: '',
    });
  });

  it('is named by the path that the login node has, which may differ', async () => {
    const elsewhere = `/another mount/${basename(node.workDir)}`;
    const { stdout } = await node.run(
      { command: 'echo "$SLURM_SUBMIT_DIR"' },
      { SLURM_SUBMIT_DIR: `${elsewhere}/submit/empty` },
    );
    expect(stdout).toBe(`${elsewhere}/source\n`);
  });

  it.each([
    '/scratch/ada',
    '/scratch/submit/empty',
    '/home/ada/slurmql/jobs/01K00000000000000000000043/submit/empty',
    '/home/ada/submit/empty/more',
    '',
  ])('stays where a script around sbatch has gone: %j', async (directory) => {
    const { stdout } = await node.run(
      { command: 'echo "$SLURM_SUBMIT_DIR $OTHER"' },
      { SLURM_SUBMIT_DIR: directory, OTHER: `${directory}:/submit/empty` },
    );
    expect(stdout).toBe(`${directory} ${directory}:/submit/empty\n`);
  });
});
