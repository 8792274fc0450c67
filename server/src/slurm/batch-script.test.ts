import { type ChildProcess, spawn } from 'node:child_process';
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BatchScriptParts, batchScript, DOUBLE_EXIT_CODE, environmentFile } from './batch-script.ts';
import { lastEnd } from './parse/markers.ts';

const JOB_ID = '01K00000000000000000000042';

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A node on which Slurm starts batch scripts: a real bash, in a job's folder as it is on the cluster. */
class Node {
  readonly home: string;
  readonly workDir: string;

  private constructor(directory: string) {
    this.home = join(directory, 'home');
    // A folder whose name has to be quoted.
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
    await writeFile(file, batchScript({ jobId: JOB_ID, workDir: this.workDir, ...nothing, ...parts }));
    const child = spawn('/bin/bash', ['-l', file], {
      cwd: this.workDir,
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
      child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
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

  /** What stands in the folder of records, by name; links by what they point to. */
  async records(): Promise<Record<string, string>> {
    const folder = join(this.workDir, 'run');
    const names = (await readdir(folder)).sort();
    return Object.fromEntries(
      await Promise.all(
        names.map(async (name) => [
          name,
          await (name.endsWith('.claim') ? readlink(join(folder, name)) : readFile(join(folder, name), 'utf8')),
        ]),
      ),
    );
  }

  async endMarker(name = 'job.0.end') {
    const text = (await this.records())[name];
    return text === undefined ? null : lastEnd(`${name} ${text}`);
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
    expect(Object.keys(records)).toEqual(['job.0.end', 'job.0.start', 'job.claim']);
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
    ['kill -9 $$', 137],
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

  it('is not led astray by what start-up files set', async () => {
    await appendFile(
      join(node.home, '.bash_profile'),
      `set -eufC -o pipefail
shopt -s expand_aliases
alias mv='mv -i' printf='echo' ln='ln -f' cd='echo'\n`,
    );
    const { exitCode, stdout } = await node.run({ command: 'pwd; false; echo "$unset"; exit 3' });
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: `${node.workDir}/source\n\n` });
    expect(await node.endMarker()).toMatchObject({ exitCode: 3 });
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
    expect(text).not.toContain('export ');
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

describe('the claim of a folder', () => {
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
    expect(await node.endMarker()).toMatchObject({ exitCode: 7, isInterrupted: true });
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

  it('ends a command that does not care, and the end is recorded', async () => {
    const { child, ended, printed } = await node.start({ command: 'echo ready\nexec sleep 600' });
    await printed('ready');
    child.kill('SIGTERM');
    expect((await ended).exitCode).toBe(143);
    expect(await node.endMarker()).toMatchObject({ exitCode: 143 });
  });

  it('that comes before the command runs keeps it from running, and is recorded as such', async () => {
    await appendFile(join(node.workDir, 'environment.sh'), 'kill -TERM $$\n');
    expect(await node.run({ command: 'echo ran' })).toMatchObject({ exitCode: 143, stdout: '' });
    expect(await node.endMarker()).toMatchObject({ exitCode: 143, isInterrupted: true });
  });

  // scancel and time limits signal every process of the job at once.
  it('that reaches the command at the same moment is told as the end that the command came to', async () => {
    // Which of the two bash hears of first is chance.
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const slurm = { SLURM_RESTART_COUNT: `${attempt}` };
      const { exitCode } = await node.run({ command: '(kill -TERM $$ $PPID) & wait' }, slurm);
      const marker = await node.endMarker(`job.${attempt}.end`);
      expect({ exitCode, marker: marker?.exitCode }).toEqual({ exitCode: 143, marker: 143 });
    }
  });
});
