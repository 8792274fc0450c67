import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NO_RESOURCES } from '../domain/testing.ts';
import { SshInterrupted, SshOutputTooLarge } from '../ssh/index.ts';
import { SlurmAdapter } from './adapter.ts';
import { SlurmUnavailable } from './errors.ts';
import type { Runner } from './runner.ts';
import type { SubmitRequest } from './sbatch-options.ts';
import type { AttemptPlace, JobRecords } from './slurm.ts';
import { everyJob, fixture, LocalLogin, queueRow, runShell, SETTINGS, WAITING } from './testing.ts';

const JOB_ID = '01K00000000000000000000042';
let login: LocalLogin;
let slurm: SlurmAdapter;
let workDir: string;
beforeEach(async () => {
  login = await LocalLogin.create();
  slurm = new SlurmAdapter(login, SETTINGS);
  workDir = join(login.home, 'slurmql', 'jobs', JOB_ID);
});
afterEach(() => login[Symbol.asyncDispose]());

/** A command that prints these texts, with an exit code. */
async function says(command: string, stdout: string, stderr = '', exitCode = 0): Promise<void> {
  await writeFile(join(login.home, `${command}.out`), stdout);
  await writeFile(join(login.home, `${command}.err`), stderr);
  await login.command(
    command,
    `echo "$0 $*" >>"$HOME/calls"\ncat "$HOME/${command}.out"\ncat "$HOME/${command}.err" >&2\nexit ${exitCode}`,
  );
}

/** What was called; `NONCE` is what no two calls have in common. */
const calls = async () => {
  const said = await readFile(join(login.home, 'calls'), 'utf8');
  return said
    .trim()
    .replaceAll(/[0-9a-f]{16}/g, 'NONCE')
    .split('\n');
};

/** As Slurm 22.05.8 prints it, in part. */
const CONFIGURATION = `Configuration data as of 1795507200
AccountingStorageType   = accounting_storage/slurmdbd
ClusterName             = alpha
MaxArraySize            = 1001
MinJobAge               = 300 sec

Slurmctld(primary) at localhost is UP`;

/** A Slurm of this version in a directory of the login. */
async function slurmIs(version: string, directory?: string, configuration = CONFIGURATION): Promise<void> {
  await login.command('sbatch', `echo "${version}"`, directory);
  await login.command('scontrol', `cat <<'END'\n${configuration}\nEND`, directory);
  await login.command('squeue', 'exit 0', directory);
}

describe('looking for Slurm on a login', () => {
  it('finds it on the PATH, and asks it what clusters differ in', async () => {
    await slurmIs('slurm 25.11.2');
    const facts = await slurm.login.probe();
    expect(facts).toEqual({
      slurmVersion: '25.11.2',
      foundBy: 'path',
      workspace: join(login.home, 'slurmql'),
      clusterName: 'alpha',
      accountingStorage: 'accounting_storage/slurmdbd',
      maxArraySize: 1001,
      minJobAgeSeconds: 300,
      showsFederation: false,
      tracksGpus: false,
      clockAheadSeconds: expect.any(Number),
    });
    expect(Math.abs(facts.clockAheadSeconds)).toBeLessThan(5);
  });

  it.each([
    ['the cluster itself', '(null)', '--local'],
    ['its federation', 'fed_display', '--federation'],
  ])('asks for the jobs of %s, as the cluster shows them', async (_what, parameters, option) => {
    await slurmIs('slurm 25.11.2', undefined, `FederationParameters    = ${parameters}\n${CONFIGURATION}`);
    await says('squeue', '');
    await slurm.login.probe();
    await slurm.queue.snapshot();
    // Tried at the probe, and then asked, in the very same words.
    const [tried, asked, ...others] = await calls();
    expect(asked).toContain(` --me ${option} `);
    expect([tried, others]).toEqual([asked, []]);
  });

  // What 24.11.5 and 26.05.5 say; the option went with 23.02.
  const REFUSAL = `squeue: unrecognized option '--array-unique'\nTry "squeue --help" for more information`;
  const refuses = async (option: string) => {
    await writeFile(join(login.home, 'refusal'), REFUSAL);
    const refusal = 'cat "$HOME/refusal" >&2; exit 1';
    await login.command(
      'squeue',
      `echo "$*" >>"$HOME/calls"\nfor word; do [ "$word" != ${option} ] || { ${refusal}; }; done`,
    );
  };

  it('asks without an option that squeue no longer has', async () => {
    await slurmIs('slurm 24.11.5');
    await refuses('--array-unique');
    await slurm.login.probe();
    await slurm.queue.snapshot();
    const [refused, tried, asked, ...others] = await calls();
    expect(refused).toContain(' --array-unique ');
    expect(asked).toContain(' --array ');
    expect([tried, others]).toEqual([asked, []]);
  });

  it('asks without a field that sacct does not have yet', async () => {
    await slurmIs('slurm 20.11.4');
    const refusal = `case "$*" in *SubmitLine*) echo 'sacct: error: Invalid field requested: "SubmitLine"' >&2; exit 1 ;; esac`;
    await login.command('sacct', `echo "$*" >>"$HOME/calls"\n${refusal}`);
    await slurm.login.probe();
    expect(await slurm.accounting.read(['1'])).toMatchObject({ kind: 'read' });
    await slurm.accounting.read(['2']);
    expect((await calls()).map((call) => call.endsWith(',WorkDir'))).toEqual([false, false, true, true, true]);
    expect(await slurm.accounting.tryOut()).toBeNull();
  });

  it('finds out anew how squeue is asked when Slurm is replaced under a living connection', async () => {
    await slurmIs('slurm 22.05.8');
    await slurm.login.probe();
    await refuses('--array-unique');
    expect(await slurm.queue.snapshot()).toEqual({ observations: [], shared: [], faultyRows: [] });
    expect((await calls()).at(-1)).toContain(' --array ');
  });

  it('does not try anew at each connect what it knows of a release', async () => {
    await slurmIs('slurm 24.11.5');
    await says('squeue', '');
    await slurm.login.probe();
    await slurm.login.probe();
    expect(await calls()).toHaveLength(1);
    await login.command('sbatch', 'echo "slurm 25.05.0"');
    await slurm.login.probe();
    expect(await calls()).toHaveLength(2);
  });

  it.each([
    ['sacct', () => slurm.accounting.tryOut()],
    ['scontrol', () => slurm.inventory.tryOut()],
  ])('names %s and its words where it refuses what will be asked', async (command, ask) => {
    await login.command(command, `echo "${command}: unrecognized option '--x'" >&2; exit 1`);
    expect(await ask()).toMatch(new RegExp(`^${command}.*: unrecognized option '--x'`));
  });

  it('has sbatch read the options of every job, and nothing else', async () => {
    await says('sbatch', 'Usage: sbatch [OPTIONS] script');
    expect(await slurm.submission.tryOptions()).toBeNull();
    expect(await calls()).toEqual([
      expect.stringMatching(/sbatch --parsable .*--open-mode=append --ignore-pbs --usage$/),
    ]);
  });

  it.each([
    ["sbatch: unrecognized option '--ignore-pbs'", "sbatch: unrecognized option '--ignore-pbs'"],
    ['sbatch: error: Invalid --open-mode specification', 'sbatch: Invalid --open-mode specification'],
    // Of a script around sbatch.
    ['sbatch: no batch script was given', null],
    ["sbatch: unrecognized option '--usage'", null],
    ['', null],
  ])('takes %j for %j of the options of every job', async (said, refusal) => {
    await says('sbatch', '', said, 255);
    expect(await slurm.submission.tryOptions()).toBe(refusal);
  });

  it('keeps the tasks of a large array in one row for as long as nothing tells them apart', async () => {
    await slurmIs('slurm 24.11.5');
    await refuses('--array-unique');
    await slurm.login.probe();
    const row = (id: string, reason: string) =>
      queueRow({ ...WAITING, JobArrayID: id, Reason: reason, Command: `${workDir}/job.sh`, WorkDir: workDir });
    await writeFile(join(login.home, 'together'), row('5_[0-1999]', 'Resources'));
    await writeFile(
      join(login.home, 'apart'),
      Array.from({ length: 2000 }, (_, task) => row(`5_${task}`, 'Resources')).join(''),
    );
    await login.command(
      'squeue',
      'for word; do [ "$word" != --array ] || { echo apart >>"$HOME/asked"; exec cat "$HOME/apart"; }; done; echo together >>"$HOME/asked"; cat "$HOME/together"',
    );
    const asked = async () => (await readFile(join(login.home, 'asked'), 'utf8')).trim().split('\n');
    for (const expected of [['apart'], ['apart', 'together']]) {
      expect(everyJob(await slurm.queue.snapshot())).toHaveLength(2000);
      expect(await asked()).toEqual(expected);
    }
    // One of them is held: squeue puts it into the row of the others.
    await writeFile(join(login.home, 'together'), row('5_[0-1999]', 'Resources,JobHeldUser'));
    await writeFile(
      join(login.home, 'apart'),
      Array.from({ length: 2000 }, (_, task) => row(`5_${task}`, task === 7 ? 'JobHeldUser' : 'Resources')).join(''),
    );
    for (let look = 0; look < 2; look += 1) {
      const { observations } = await slurm.queue.snapshot();
      expect(observations.filter(({ state }) => state === 'HELD').map(({ slurmJobId }) => slurmJobId)).toEqual(['5_7']);
    }
    expect((await asked()).slice(2)).toEqual(['together', 'apart', 'apart']);
  });

  it("fails in squeue's own words where squeue can't be asked at all", async () => {
    await slurmIs('slurm 24.11.5');
    await refuses('--me');
    await expect(slurm.login.probe()).rejects.toThrow(`can't be queried on this login: squeue: unrecognized option`);
  });

  it('takes nothing for an answer that the controller did not give', async () => {
    await slurmIs('slurm 24.11.5');
    await says('squeue', '', 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)');
    await expect(slurm.login.probe()).rejects.toThrow('Unable to contact slurm controller');
  });

  it("knows Debian's name for it", async () => {
    await slurmIs('slurm-wlm 22.05.8');
    expect((await slurm.login.probe()).slurmVersion).toBe('22.05.8');
  });

  it('finds it where only a login shell does, and asks it there from then on', async () => {
    const directory = join(login.home, 'opt slurm');
    await slurmIs('slurm 23.02.1', directory);
    await login.profile('echo "Welcome to alpha!"\nPATH="$PATH:$HOME/opt slurm"');
    await expect(slurm.queue.snapshot()).rejects.toThrow(SlurmUnavailable);
    expect(await slurm.login.probe()).toMatchObject({ slurmVersion: '23.02.1', foundBy: 'login-shell' });
    expect(await slurm.queue.snapshot()).toEqual({ observations: [], shared: [], faultyRows: [] });
  });

  it('finds it behind a module, with the variables that the module sets', async () => {
    const directory = join(login.home, 'modules/slurm');
    await slurmIs('slurm 24.05.1', directory);
    await login.command('squeue', 'echo "$SLURM_CONF" >"$HOME/conf"', directory);
    await login.profile(
      'module() { [ "$*" = "load slurm" ] && PATH="$HOME/modules/slurm:$PATH" && export SLURM_CONF=/opt/s.conf; }',
    );
    expect(await slurm.login.probe()).toMatchObject({ slurmVersion: '24.05.1', foundBy: 'module' });
    await slurm.queue.snapshot();
    expect(await readFile(join(login.home, 'conf'), 'utf8')).toBe('/opt/s.conf\n');
  });

  it('refuses a Slurm that is too old, and takes the oldest that will do', async () => {
    await slurmIs('slurm 20.02.7');
    await expect(slurm.login.probe()).rejects.toThrow('this cluster runs Slurm 20.02.7, and 20.11 is the oldest');
    await slurmIs('slurm 20.11.0-1');
    expect((await slurm.login.probe()).slurmVersion).toBe('20.11.0-1');
  });

  it('says what the controller said when that gives no answer', async () => {
    await slurmIs('slurm 25.11.2');
    await login.command('scontrol', 'echo "slurm_load_ctl_conf error: Unable to contact slurm controller" >&2\nexit 1');
    await expect(slurm.login.probe()).rejects.toThrow('Unable to contact slurm controller');
  });

  it.each(['accounting_storage/none', '(null)'])('asks no accounts of a cluster with %s', async (type) => {
    await slurmIs('slurm 25.11.2', undefined, `ClusterName = alpha\nAccountingStorageType   = ${type}`);
    expect((await slurm.login.probe()).accountingStorage).toBeNull();
    await says('sacct', '');
    expect(await slurm.accounting.read(['1'])).toEqual({ kind: 'none' });
    await expect(calls()).rejects.toThrow('ENOENT');
  });

  it('says so when it is nowhere', async () => {
    await expect(slurm.login.probe()).rejects.toThrow("sbatch isn't found on this login");
    await expect(slurm.login.probe()).rejects.toThrow(SlurmUnavailable);
  });

  it('says in its own words why it is nowhere, before anything else', async () => {
    await login.profile('module() { echo "Lmod: module(s) are unknown: slurm" >&2; return 1; }; export -f module');
    await expect(slurm.login.probe()).rejects.toThrow(
      /^"module load slurm" says on this login: .*Lmod: module\(s\) are unknown: slurm\. sbatch isn't found/,
    );
  });

  it('says in its own words why it is there and fails', async () => {
    await login.command('sbatch', 'echo "sbatch: fatal: unable to status file /etc/slurm/slurm.conf" >&2; exit 1');
    await expect(slurm.login.probe()).rejects.toThrow(
      '"sbatch --version" fails on this login: unable to status file /etc/slurm/slurm.conf',
    );
  });

  it('takes no other program of that name for it', async () => {
    await login.command('sbatch', 'echo "command not installed, ask your administrator"');
    await expect(slurm.login.probe()).rejects.toThrow(SlurmUnavailable);
  });

  it('takes a workspace that is absolute as it is', async () => {
    await slurmIs('slurm 25.11.2');
    const elsewhere = new SlurmAdapter(login, { ...SETTINGS, workspace: '/scratch/ada/slurmql' });
    expect((await elsewhere.login.probe()).workspace).toBe('/scratch/ada/slurmql');
  });

  it.each(['', 'relative/home', '/home/back\\slash'])('refuses a home that can hold no workspace: %j', async (home) => {
    await slurmIs('slurm 25.11.2');
    login.environment = { HOME: home };
    await expect(slurm.login.probe()).rejects.toThrow('Set "workspace" in clusters.yaml');
  });
});

describe('asking for the queue', () => {
  it('is one squeue for all jobs of this login, in a clean environment', async () => {
    await says('squeue', fixture('queue.txt'));
    await login.command(
      'squeue',
      `env | sed -n -e '/^S[A-Z]*_/p' -e /^LC_ALL/p | sort >"$HOME/environment"\nprintf '%s\\n' "$@" >"$HOME/arguments"\ncat "$HOME/squeue.out"`,
    );
    login.environment = { SQUEUE_STATES: 'R', SLURM_CLUSTERS: 'beta', SQUEUE_FORMAT: '%i', SLURM_CONF: '/etc/s.conf' };
    const { observations } = await slurm.queue.snapshot();
    expect(observations.length).toBeGreaterThan(30);
    expect(await readFile(join(login.home, 'environment'), 'utf8')).toBe(
      'LC_ALL=C\nSLURM_BITSTR_LEN=0\nSLURM_CONF=/etc/s.conf\nSLURM_TIME_FORMAT=%s\n',
    );
    expect((await readFile(join(login.home, 'arguments'), 'utf8')).split('\n').slice(0, 5)).toEqual([
      '--me',
      '--local',
      '--noheader',
      '--all',
      '--states=all',
    ]);
  });

  it('gives an empty one for what is an answer', async () => {
    await says('squeue', '');
    expect(await slurm.queue.snapshot()).toEqual({ observations: [], shared: [], faultyRows: [] });
  });

  it('knows nothing when squeue fails, whatever it printed before', async () => {
    await says('squeue', fixture('queue.txt'), 'slurm_load_jobs error: Unable to contact slurm controller\n', 1);
    await expect(slurm.queue.snapshot()).rejects.toThrow(SlurmUnavailable);
    await expect(slurm.queue.snapshot()).rejects.toThrow('Unable to contact slurm controller');
  });

  // Some commands end with code 0 although nobody answered them.
  it.each([
    'slurm_load_jobs error: Unable to contact slurm controller (connect failure)',
    'slurm_load_jobs error: Socket timed out on send/recv operation',
    'slurm_load_jobs error: Zero Bytes were transmitted or received',
    'slurm_load_jobs error: Slurm backup controller in standby mode',
  ])('knows nothing when squeue ends with code 0 and says %j', async (words) => {
    await says('squeue', '', `${words}\n`, 0);
    await expect(slurm.queue.snapshot()).rejects.toThrow(SlurmUnavailable);
  });

  it('is not disturbed by what a login prints', async () => {
    await says('squeue', '', 'Your quota is nearly used up\n');
    await writeFile(join(login.home, 'motd'), '');
    const noisy = new SlurmAdapter(
      {
        run: async (script) => {
          const { exitCode, stdout, stderr } = await login.run(script);
          return { exitCode, stdout: `Welcome\nbegin queue end\n${stdout}logged out\n`, stderr };
        },
      },
      SETTINGS,
    );
    expect(await noisy.queue.snapshot()).toEqual({ observations: [], shared: [], faultyRows: [] });
  });

  it('knows nothing from an answer that was cut off', async () => {
    await says('squeue', fixture('queue.txt'));
    const cut = new SlurmAdapter(
      {
        run: async (script) => {
          const { exitCode, stdout, stderr } = await login.run(script);
          return { exitCode, stdout: stdout.slice(0, stdout.length / 2), stderr };
        },
      },
      SETTINGS,
    );
    await expect(cut.queue.snapshot()).rejects.toThrow('the answer to "queue" was cut off');
  });
});

describe('asking for accounts', () => {
  it('reads them', async () => {
    await says('sacct', fixture('accounting.txt'));
    const accounts = await slurm.accounting.read(['1', '8_0']);
    if (accounts.kind !== 'read') throw new Error(accounts.kind);
    expect(accounts.accounts.find(({ latest }) => latest.slurmJobId === '1')?.latest.state).toBe('COMPLETED');
    expect(await calls()).toEqual([expect.stringContaining('--jobs=1,8 ')]);
  });

  // Tried on 22.05.8: "sacct -j 17_1" prints nothing while "17_[1-5]" is in the accounts.
  it('asks for an array as one, and has the tasks that never started', async () => {
    await says('sacct', fixture('accounting.txt'));
    const accounts = await slurm.accounting.read(['17_1', '17_2', '18_4']);
    if (accounts.kind !== 'read') throw new Error(accounts.kind);
    expect(accounts.accounts.find(({ latest }) => latest.slurmJobId === '17_2')?.latest.state).toBe('CANCELLED');
    expect(await calls()).toEqual([expect.stringContaining('--jobs=17,18 ')]);
  });

  it('asks for 200 at a time, so that no command line grows too long', async () => {
    await says('sacct', '');
    expect(await slurm.accounting.read(Array.from({ length: 401 }, (_, index) => `${index}`))).toEqual({
      kind: 'read',
      accounts: [],
      unread: new Set(),
      fault: null,
      hasExactCodes: false,
    });
    expect(await calls()).toHaveLength(3);
  });

  it.each([
    ['Slurm accounting storage is disabled', { kind: 'none' }],
    [
      'sacct: error: Problem talking to the database: Connection refused',
      { kind: 'unreadable', message: 'Problem talking to the database: Connection refused' },
    ],
  ])('tells none at all from none to be had: %s', async (words, answer) => {
    await says('sacct', '', `${words}\n`, 1);
    expect(await slurm.accounting.read(['1'])).toEqual(answer);
  });

  it('has none from an answer that failed halfway', async () => {
    await says('sacct', fixture('accounting.txt'), 'sacct: error: slurm_persist_conn\n', 1);
    expect((await slurm.accounting.read(['1'])).kind).toBe('unreadable');
  });
});

describe('asking for partitions and nodes', () => {
  it('reads both', async () => {
    await writeFile(join(login.home, 'nodes'), fixture('nodes.txt'));
    await writeFile(join(login.home, 'partitions'), fixture('partitions.txt'));
    await login.command('scontrol', 'for last; do :; done\ncat "$HOME/$last"s');
    const { partitions, nodes, fetchedAt } = await slurm.inventory.read();
    expect([partitions.size, nodes.length]).toEqual([4, 6]);
    expect(fetchedAt).toBeInstanceOf(Date);
  });

  it('knows nothing when one of the two failed', async () => {
    await writeFile(join(login.home, 'partitions'), fixture('partitions.txt'));
    await login.command('scontrol', 'for last; do :; done\ncat "$HOME/$last"s');
    await expect(slurm.inventory.read()).rejects.toThrow(SlurmUnavailable);
  });
});

// Root may look into any directory, so what ls and find say of those that can't be read is told here.
const UNREADABLE = [
  ['Permission denied', "ls: cannot open directory '/w/run/': Permission denied"],
  ['Stale file handle', "ls: cannot access '/w/run/': Stale file handle"],
  ['Input/output error', "ls: reading directory '/w/run/': Input/output error"],
  ['Transport endpoint is not connected', "ls: cannot access '/w/run/': Transport endpoint is not connected"],
  ['Host is down', "ls: cannot access '/w/run/': Host is down"],
  ['Too many levels of symbolic links', "ls: cannot access '/w/run/': Too many levels of symbolic links"],
] as const;

describe('the end marker of a job', () => {
  const marker = (name: string, text: string) => writeFile(join(workDir, 'run', name), text);
  const records = (...tasks: readonly (number | null)[]) =>
    slurm.records.endMarkers(tasks.map((arrayTaskId) => ({ workDir, arrayTaskId })));
  const endMarkers = async (...tasks: readonly (number | null)[]) =>
    (await records(...tasks)).map((end) => {
      if (end === null || end === 'begun') return null;
      if ('unreadable' in end) throw new Error(end.unreadable);
      return end;
    });
  const endMarker = async (arrayTaskId: number | null) => (await endMarkers(arrayTaskId))[0];
  beforeEach(() => mkdir(join(workDir, 'run'), { recursive: true }));

  it.each(UNREADABLE)('is not known while the directory gives "%s", and that of others is', async (reason, said) => {
    const other = join(login.home, 'slurmql', 'jobs', 'other');
    await mkdir(join(other, 'run'), { recursive: true });
    await login.command(
      'find',
      `case $* in *${JOB_ID}*) echo "${said.replace('ls:', 'find:')}" >&2; exit 1 ;; esac\nexec /usr/bin/find "$@"`,
    );
    expect(await slurm.records.endMarkers([workDir, other].map((at) => ({ workDir: at, arrayTaskId: null })))).toEqual([
      { unreadable: expect.stringContaining(reason) },
      null,
    ]);
  });

  it.each([
    ['its directory', 'rm -r "$1"'],
    ['the directory of its records', 'rm -r "$1/run"'],
    ['the directory of its records, in whose place is a file,', 'rm -r "$1/run"; : >"$1/run"'],
  ])('is none once %s is gone', async (_what, remove) => {
    await runShell('/bin/sh', `set -- '${workDir}'\n${remove}\n`);
    expect(await records(null, 3)).toEqual([null, null]);
  });

  it('is not known while the whole workspace is away', async () => {
    await rename(join(login.home, 'slurmql'), join(login.home, 'unmounted'));
    expect(await records(null)).toEqual([{ unreadable: expect.stringContaining('No such file or directory') }]);
  });

  it('is the one that the batch script wrote', async () => {
    await marker('job.0.start', 'job=12 at=1795494200\n');
    await marker('job.0.end', 'job=12 code=3 at=1795494207\n');
    expect(await endMarker(null)).toEqual({
      attempt: 1,
      slurmJobId: '12',
      exitCode: 3,
      isInterrupted: false,
      endedAt: new Date(1_795_494_207_000),
    });
  });

  it("is the task's own in an array", async () => {
    await marker('1.0.end', 'job=12 code=0 at=1795494207\n');
    await marker('11.0.end', 'job=13 code=1 at=1795494207\n');
    expect((await endMarker(1))?.exitCode).toBe(0);
    expect((await endMarker(11))?.exitCode).toBe(1);
    expect(await endMarker(111)).toBeNull();
    // One command for all.
    const all = await endMarkers(11, 111, 1);
    expect(all.map((end) => end?.exitCode ?? null)).toEqual([1, null, 0]);
  });

  it.each([
    ['no marker', [], null],
    ['a beginning alone', [['job.0.start', 'job=12 at=1795494207\n']], 'begun'],
    ['a beginning that could not be written', [['job.0.start', '']], 'begun'],
    ['half a marker', [['job.0.end.part', 'job=12 code=0 at=1795494207\n']], null],
    ['a marker that is empty', [['job.0.end', '']], 'begun'],
    ['a marker that was cut off', [['job.0.end', 'job=12 code=0 at=179549420']], 'begun'],
    ['a marker of something else', [['job.0.end', 'code=0\n']], 'begun'],
    ['a number that no attempt has', [['job.70000.end', 'job=12 code=0 at=1795494207\n']], 'begun'],
    ['a time that is none', [['job.0.end', 'job=12 code=0 at=99999999999999999999\n']], 'begun'],
  ] as const)('is none with %s', async (_what, files, record) => {
    for (const [name, text] of files) await marker(name, text);
    expect(await records(null)).toEqual([record]);
  });

  it('is that of the last attempt, however many there were', async () => {
    for (let restart = 0; restart < 12; restart += 1) {
      await marker(`job.${restart}.start`, 'job=12 at=1795494207\n');
      await marker(`job.${restart}.end`, `job=12 code=${restart} at=1795494207\n`);
    }
    expect(await endMarker(null)).toMatchObject({ attempt: 12, exitCode: 11 });
  });

  it('is no evidence once a later attempt has started', async () => {
    await marker('job.0.end', 'job=12 code=143 at=1795494207\n');
    await marker('job.1.start', 'job=12 at=1795494300\n');
    expect(await endMarker(null)).toBeNull();
  });

  it.each([
    ['a named pipe', 'mkfifo "$1"'],
    ['a link to one', 'mkfifo "$1.pipe" && ln -s "$1.pipe" "$1"'],
    ['a link to a device', 'ln -s /dev/zero "$1"'],
    ['a directory', 'mkdir "$1"'],
    ['a file of a terabyte', 'truncate -s 1T "$1"'],
    ['a line that is no record', 'yes | tr -d "\\n" | head -c 100000 >"$1"'],
  ])('is none where the job has put %s in its place, and others have theirs', async (_what, make) => {
    await marker('2.0.end', 'job=13 code=4 at=1795494207\n');
    await runShell('/bin/sh', `set -- '${join(workDir, 'run/1.0.end')}'\n${make}\n`);
    const ends = await endMarkers(1, 2);
    expect(ends.map((end) => end?.exitCode ?? null)).toEqual([null, 4]);
  });

  it('is told at once and in few bytes though the job has made thousands of records', async () => {
    await marker('3.41.start', 'job=13 at=1795494200\n');
    await marker('3.41.end', 'job=13 code=4 at=1795494207\n');
    const flood = `cd '${join(workDir, 'run')}' && i=0; while [ $i -lt 3000 ]; do
  printf '%0500d\\n' 1 >"3.x$i.end"; : >"3.00$i.no"; i=$((i + 1)); done
  : >3.123456789.end; : >3.-1.end; : >3..end; : >'3.7 8.end'`;
    await runShell('/bin/sh', `${flood}\n`);
    let printed = 0;
    const counting = new SlurmAdapter(
      {
        run: async (script) => {
          const result = await login.run(script);
          printed += result.stdout.length;
          return result;
        },
      },
      SETTINGS,
    );
    const [end] = await counting.records.endMarkers([{ workDir, arrayTaskId: 3 }]);
    expect(end).toMatchObject({ attempt: 42, exitCode: 4 });
    expect(printed).toBeLessThan(1000);
  });

  it('is not known when the directory cannot be looked into', async () => {
    const broken = new SlurmAdapter({ run: () => Promise.resolve({ exitCode: 0, stdout: '', stderr: '' }) }, SETTINGS);
    await expect(broken.records.endMarkers([{ workDir, arrayTaskId: null }])).rejects.toThrow(SlurmUnavailable);
  });
});

describe('a directory with more names than a shell may hold', () => {
  /** The login limits memory: no process may have more. */
  const LIMIT_KIB = 12_000;
  const limited: Runner = {
    run: (text) => login.run(`ulimit -v ${LIMIT_KIB}\nexec /bin/sh -s <<'END OF SCRIPT'\n${text}\nEND OF SCRIPT\n`),
  };

  it('hides the records of no other job', async () => {
    const others = Array.from({ length: 5 }, (_, index) => join(login.home, 'slurmql', 'jobs', `other-${index}`));
    for (const other of others) {
      await mkdir(join(other, 'run'), { recursive: true });
      await writeFile(join(other, 'run/job.0.command'), '');
      await writeFile(join(other, 'run/job.0.end'), 'job=14 code=3 at=1795494271\n');
    }
    await mkdir(join(workDir, 'run'), { recursive: true });
    const make = `cd '${workDir}/run' && seq -f 'job.%.0f.${'z'.repeat(200)}.start' 25000 | xargs touch\n`;
    expect((await runShell('/bin/sh', make)).exitCode).toBe(0);
    const records = new SlurmAdapter(limited, SETTINGS).records;
    const places = [...others.slice(0, 2), workDir, ...others.slice(2)].map((directory) => ({
      ...{ workDir: directory, arrayTaskId: null, attempt: 1 },
    }));
    const ends = await records.endMarkers(places);
    expect(ends.filter((one) => typeof one === 'object' && one !== null && 'exitCode' in one)).toHaveLength(5);
    expect((await records.hasBegun(places)).filter((one) => one === true)).toHaveLength(5);
  });
});

describe('the beginning of a command', () => {
  const run = () => join(workDir, 'run');
  const hasBegun = async () => (await slurm.records.hasBegun([{ workDir, arrayTaskId: null, attempt: 2 }]))[0];
  beforeEach(() => mkdir(run(), { recursive: true }));

  it('is known by the record of the attempt, or by that of its end', async () => {
    await writeFile(join(run(), 'job.0.command'), '');
    expect(await hasBegun()).toBe(false);
    await writeFile(join(run(), 'job.1.end'), '');
    expect(await hasBegun()).toBe(true);
    await rename(join(run(), 'job.1.end'), join(run(), 'job.1.command'));
    expect(await hasBegun()).toBe(true);
  });

  it.each([
    ['the directory of records', 'rm -r "$1/run"'],
    ['the directory of the job', 'rm -r "$1"'],
    ['the directory of records, in whose place is a file,', 'rm -r "$1/run"; : >"$1/run"'],
  ])('is known to nobody once %s is gone', async (_what, remove) => {
    await runShell('/bin/sh', `set -- '${workDir}'\n${remove}\n`);
    expect(await hasBegun()).toBe('gone');
  });

  it.each(UNREADABLE)('is not known while the directory gives "%s", and that of others is', async (reason, said) => {
    const other = join(login.home, 'slurmql', 'jobs', 'other');
    await mkdir(join(other, 'run'), { recursive: true });
    await login.command(
      'find',
      `case $* in *${JOB_ID}*) echo "${said.replace('ls:', 'find:')}" >&2; exit 1 ;; esac\nexec /usr/bin/find "$@"`,
    );
    const place = { arrayTaskId: null, attempt: 1 };
    expect(
      await slurm.records.hasBegun([
        { ...place, workDir },
        { ...place, workDir: other },
      ]),
    ).toEqual([{ unreadable: expect.stringMatching(new RegExp(`^${workDir}/run: .*${reason}`)) }, false]);
  });

  it.each([
    ['more records than there can be', '/usr/bin/seq -f "%g.0.end" 1 300000', 'more than 200,000 records'],
    ['a record of an attempt that no job has', 'echo job.70000.end', '70000 is no number of restarts'],
  ])('is known of others where a job has made %s', async (_what, list, reason) => {
    await login.command('find', `case $* in *${JOB_ID}*) ${list}; exit ;; esac\necho job.0.end`);
    const counting = new SlurmAdapter(
      {
        run: async (text) => {
          const result = await login.run(text);
          expect(result.stdout.length).toBeLessThan(3_000_000);
          return result;
        },
      },
      SETTINGS,
    );
    const places = [workDir, '/w/jobs/other'].map((directory) => ({
      workDir: directory,
      arrayTaskId: null,
      attempt: 1,
    }));
    expect(await counting.records.hasBegun(places)).toEqual([{ unreadable: expect.stringContaining(reason) }, true]);
  });

  it('is known of others where a job has filled its directory, and of that one as well with other files', async () => {
    const other = join(login.home, 'slurmql', 'jobs', 'other');
    await mkdir(join(other, 'run'), { recursive: true });
    await writeFile(join(other, 'run/job.0.end'), '');
    await writeFile(join(run(), 'job.0.command'), '');
    for (let number = 0; number < 500; number += 1) await writeFile(join(run(), `${'z'.repeat(200)}${number}`), '');
    const most = { bytes: 50_000 };
    const tight = new SlurmAdapter(
      {
        run: async (text) => {
          const result = await login.run(text);
          if (result.stdout.length <= most.bytes) return result;
          throw new SshOutputTooLarge(`the command printed more than ${most.bytes} bytes`);
        },
      },
      SETTINGS,
    );
    const places = [workDir, other].map((directory) => ({ workDir: directory, arrayTaskId: null, attempt: 1 }));
    expect(await tight.records.hasBegun(places)).toEqual([true, true]);
    for (let number = 0; number < 5000; number += 1) await writeFile(join(run(), `job.${number}.end`), '');
    expect(await tight.records.hasBegun(places)).toEqual([
      { unreadable: `${workDir}/run: the command printed more than 50000 bytes` },
      true,
    ]);
  });

  it('is not known while the whole workspace is away', async () => {
    await rename(join(login.home, 'slurmql'), join(login.home, 'unmounted'));
    expect(await hasBegun()).toEqual({ unreadable: expect.stringContaining('No such file or directory') });
  });
});

describe('the claim of a directory', () => {
  const run = () => join(workDir, 'run');
  const claimers = (...tasks: readonly (number | null)[]) =>
    slurm.records.claimers(tasks.map((arrayTaskId) => ({ workDir, arrayTaskId })));
  beforeEach(() => mkdir(run(), { recursive: true }));

  it("is the number of the job, or of an array with the task's index, and many are read with one command", async () => {
    await symlink('12', join(run(), 'job.claim'));
    await symlink('14', join(run(), '3.claim'));
    login.scripts.length = 0;
    expect(await claimers(3, null, 4)).toEqual(['14_3', '12', null]);
    expect(login.scripts).toHaveLength(1);
  });

  it.each([
    ['a file', ': >"$1"'],
    ['a directory', 'mkdir "$1"'],
    ['a link to something else', 'ln -s /etc/passwd "$1"'],
    ['nothing, as the directory of records is gone', 'rm -r "$2"'],
    ['nothing, as a file is in the place of the directory', 'rm -r "$2"; : >"$2"'],
  ])('is none where the job has put %s in its place, and others have theirs', async (_what, make) => {
    const other = join(login.home, 'slurmql', 'jobs', 'other');
    await mkdir(join(other, 'run'), { recursive: true });
    await symlink('12', join(other, 'run/job.claim'));
    await runShell('/bin/sh', `set -- '${join(run(), 'job.claim')}' '${run()}'\n${make}\n`);
    const places = [workDir, other].map((directory) => ({ workDir: directory, arrayTaskId: null }));
    expect(await slurm.records.claimers(places)).toEqual([null, '12']);
  });

  it.each([
    ['goes while it is read', 'ln -s 5 "$1"', 'rm "$1"; exit 1', null],
    ['comes while it is read', ':', 'ln -s 5 "$1"; exit 1', { unreadable: expect.stringContaining("can't be read") }],
  ])('that %s says nothing about others', async (_what, before, meanwhile, claimer) => {
    await symlink('14', join(run(), '3.claim'));
    await runShell('/bin/sh', `set -- '${join(run(), 'job.claim')}'\n${before}\n`);
    await login.command('readlink', `case $1 in */job.claim) ${meanwhile} ;; esac\nexec /usr/bin/readlink "$@"`);
    expect(await claimers(null, 3)).toEqual([claimer, '14_3']);
  });

  it.each([
    ['Permission denied'],
    ['Stale file handle'],
    ['Transport endpoint is not connected'],
    ['Connection timed out'],
  ])('is not known while the directory gives "%s", and that of others is', async (reason) => {
    const other = join(login.home, 'slurmql', 'jobs', 'other');
    await mkdir(join(other, 'run'), { recursive: true });
    await symlink('12', join(other, 'run/job.claim'));
    const said = `ls: cannot access '/w/run/job.claim': ${reason}`;
    await login.command('ls', `case $* in *${JOB_ID}*) echo "${said}" >&2; exit 2 ;; esac\nexec /bin/ls "$@"`);
    const places = [workDir, other].map((directory) => ({ workDir: directory, arrayTaskId: null }));
    expect(await slurm.records.claimers(places)).toEqual([{ unreadable: expect.stringContaining(reason) }, '12']);
  });

  it('is not known while the whole workspace is away', async () => {
    await rename(join(login.home, 'slurmql'), join(login.home, 'unmounted'));
    expect(await claimers(null)).toEqual([{ unreadable: expect.stringContaining('No such file or directory') }]);
  });
});

describe('a directory that hangs', () => {
  afterEach(() => void vi.useRealTimers());

  it.each<[string, (records: JobRecords, places: readonly AttemptPlace[]) => Promise<readonly unknown[]>]>([
    ['claims', (records, places) => records.claimers(places)],
    ['end markers', (records, places) => records.endMarkers(places)],
    ['beginnings', (records, places) => records.hasBegun(places)],
  ])('keeps no other one from being read, and is left alone for a while with all its tasks: %s', async (_what, ask) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    let commands = 0;
    const hanging = new SlurmAdapter(
      {
        run: async (text) => {
          commands += 1;
          if (!text.includes(JOB_ID)) return login.run(text);
          vi.advanceTimersByTime(60_000);
          throw new SshInterrupted('the command took longer than 60 s');
        },
      },
      SETTINGS,
    );
    const other = join(login.home, 'slurmql', 'jobs', 'other');
    await mkdir(join(other, 'run'), { recursive: true });
    const tasks = Array.from({ length: 100 }, (_, arrayTaskId) => ({ workDir, arrayTaskId, attempt: 1 }));
    const places = [...tasks, { workDir: other, arrayTaskId: null, attempt: 1 }];
    const unreadable = { unreadable: expect.stringContaining(`${workDir}/run: `) };
    for (let look = 0; look < 2; look += 1) await ask(hanging.records, places);
    commands = 0;
    const answers = await ask(hanging.records, places);
    expect(answers.slice(0, -1)).toEqual(tasks.map(() => unreadable));
    expect(answers.at(-1)).not.toEqual({ unreadable: expect.anything() });
    expect(commands).toBe(1);
  });
});

describe('the directory of a job', () => {
  it('is made for its owner alone, and found again as it was left', async () => {
    expect(await slurm.submission.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: false });
    const { stdout } = await runShell('/bin/sh', `ls -ld '${workDir}' '${workDir}/run' | cut -c1-10\n`);
    expect(stdout).toBe('drwx------\ndrwx------\n');
    await writeFile(join(workDir, 'job.sh'), 'kept');
    expect(await slurm.submission.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: false });
    expect(await readFile(join(workDir, 'job.sh'), 'utf8')).toBe('kept');
    await mkdir(join(workDir, 'submit'));
    expect(await slurm.submission.makeJobDirectory(workDir)).toEqual({ isSubmitted: true, isUploaded: false });
  });

  it('that cannot be made is a fault', async () => {
    await writeFile(join(login.home, 'slurmql'), 'a file in its place');
    await expect(slurm.submission.makeJobDirectory(workDir)).rejects.toThrow(SlurmUnavailable);
  });

  it('is removed when it is one', async () => {
    await slurm.submission.makeJobDirectory(workDir);
    await slurm.submission.removeJobDirectory(workDir);
    expect(await readdir(join(login.home, 'slurmql', 'jobs'))).toEqual([]);
  });

  it.each([
    '/',
    '/home/ada',
    '/home/ada/slurmql/jobs',
    `relative/jobs/${JOB_ID}`,
    `/jobs/${JOB_ID}/..`,
    `/w/jobs/${JOB_ID}/`,
  ])('%j is none and is not removed', async (path) => {
    await expect(slurm.submission.removeJobDirectory(path)).rejects.toThrow(TypeError);
    expect(login.scripts).toEqual([]);
  });
});

describe('submitting', () => {
  const request: () => SubmitRequest = () => ({
    slurmName: 'train',
    workDir,
    partition: 'gpu',
    resources: NO_RESOURCES,
    dependsOn: [],
    isSingleton: false,
    extraOptions: [],
    components: [],
  });

  beforeEach(async () => {
    await slurm.submission.makeJobDirectory(workDir);
    await writeFile(join(workDir, 'job.sh'), '#!/bin/bash\n');
    const { exitCode } = await runShell(
      '/bin/sh',
      `cd '${login.home}' && mkdir project && echo hello >project/file && tar -czf '${workDir}/source.tar.gz' -C project .\n`,
    );
    expect(exitCode).toBe(0);
    expect(await slurm.submission.unpack(workDir, true)).toEqual({ kind: 'unpacked' });
  });

  it('hands the script to sbatch in the unpacked project, with its options as they are', async () => {
    await says('sbatch', '1234\n');
    expect(await slurm.submission.submit(request())).toEqual({ kind: 'accepted', slurmJobId: '1234', message: null });
    expect(await readFile(join(workDir, 'source', 'file'), 'utf8')).toBe('hello\n');
    expect(await calls()).toEqual([
      expect.stringMatching(/sbatch --parsable --job-name=train .*--partition=gpu .*\/job\.sh$/),
    ]);
  });

  it('leaves no SBATCH_ variable in the way and adds none of its own', async () => {
    await login.command('sbatch', `env | sed -n -e '/^S[A-Z]*_/p' -e /^LC_/p >"$HOME/environment"\necho 1`);
    login.environment = { SBATCH_PARTITION: 'other', SLURM_CONF: '/etc/s.conf', SLURM_CLUSTERS: 'beta' };
    await slurm.submission.submit(request());
    expect(await readFile(join(login.home, 'environment'), 'utf8')).toBe('SLURM_CONF=/etc/s.conf\n');
  });

  it('runs sbatch once, however often it is asked, and gives the same answer each time', async () => {
    await says('sbatch', '1234\n', 'sbatch: warning: be nice\n');
    const answers = [];
    for (let count = 0; count < 3; count += 1) answers.push(await slurm.submission.submit(request()));
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([JSON.stringify({ kind: 'accepted', slurmJobId: '1234', message: 'warning: be nice' })]),
    );
    expect(await calls()).toHaveLength(1);
  });

  it('runs sbatch once when it is asked several times at the same moment, and all wait for the answer', async () => {
    await login.command('sbatch', 'echo call >>"$HOME/calls"\nsleep 0.5\necho 1234');
    const answers = await Promise.all([1, 2, 3, 4].map(() => slurm.submission.submit(request())));
    expect(answers).toEqual(answers.map(() => ({ kind: 'accepted', slurmJobId: '1234', message: null })));
    expect(await calls()).toEqual(['call']);
  });

  it("passes on Slurm's refusal", async () => {
    await says('sbatch', '', 'sbatch: error: Batch job submission failed: Invalid partition name specified\n', 1);
    expect(await slurm.submission.submit(request())).toEqual({
      kind: 'rejected',
      message: 'Batch job submission failed: Invalid partition name specified',
    });
  });

  it('does not know what became of an sbatch whose answer was lost', async () => {
    await says(
      'sbatch',
      '',
      'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n',
      1,
    );
    expect((await slurm.submission.submit(request())).kind).toBe('unknown');
  });

  it('does not know what became of an sbatch when the connection broke before the answer', async () => {
    await says('sbatch', '1234\n');
    const broken = new SlurmAdapter(
      {
        run: async (script) => {
          const result = await login.run(script);
          return { ...result, stdout: result.stdout.slice(0, result.stdout.indexOf('begin code')) };
        },
      },
      SETTINGS,
    );
    expect((await broken.submission.submit(request())).kind).toBe('unknown');
    // Asked again over a connection that holds, the login still has the answer.
    expect(await slurm.submission.submit(request())).toEqual({ kind: 'accepted', slurmJobId: '1234', message: null });
    expect(await calls()).toHaveLength(1);
  });

  it('never runs sbatch without the unpacked project', async () => {
    await says('sbatch', '1234\n');
    await rename(join(workDir, 'source'), join(workDir, 'elsewhere'));
    expect((await slurm.submission.submit(request())).kind).toBe('not-asked');
    await expect(calls()).rejects.toThrow('ENOENT');
    expect(await slurm.submission.reset(workDir, false)).toBe(0);
    await rename(join(workDir, 'elsewhere'), join(workDir, 'source'));
    expect(await slurm.submission.submit(request())).toEqual({ kind: 'accepted', slurmJobId: '1234', message: null });
    expect(await calls()).toHaveLength(1);
  });

  it('runs nothing where its lock cannot be made', async () => {
    await says('sbatch', '1234\n');
    await login.command('mkdir', 'echo "mkdir: cannot create directory: Disk quota exceeded" >&2\nexit 1');
    await expect(slurm.submission.submit(request())).rejects.toThrow(/Disk quota exceeded\. Free some space/);
    await expect(calls()).rejects.toThrow('ENOENT');
  });

  it('waits no longer for an sbatch that died with the shell that started it', async () => {
    await login.command('sbatch', 'kill -9 $PPID $$');
    expect(await slurm.submission.submit(request())).toMatchObject({
      kind: 'unknown',
      message: 'sbatch gave no answer',
    });
  });

  it('without the directory of the job does not know anything', async () => {
    await says('sbatch', '1234\n');
    expect((await slurm.submission.submit({ ...request(), workDir: join(login.home, 'gone') })).kind).toBe('unknown');
    await expect(calls()).rejects.toThrow('ENOENT');
  });

  it('goes on with sbatch when the login that started it is gone', async () => {
    await login.command('sbatch', 'read line <"$HOME/gate"\necho 1234');
    await runShell('/bin/sh', `mkfifo '${login.home}/gate'\n`);
    const scripts: string[] = [];
    const recorder = new SlurmAdapter(
      {
        run: async (text) => {
          scripts.push(text);
          return { exitCode: 0, stdout: '', stderr: '' };
        },
      },
      SETTINGS,
    );
    await recorder.submission.submit(request());
    // A login whose shell is killed while sbatch is at work, as at the end of a connection.
    const interrupted = await runShell(
      '/bin/sh',
      `PATH='${login.bin}':$PATH HOME='${login.home}' /bin/sh -s <<'THE END' &\n${scripts[0]}THE END
shell=$!
while [ ! -d '${workDir}/submit' ]; do sleep 0.05; done
kill -HUP $shell
wait $shell
echo "shell ended: $?"
echo go >'${login.home}/gate'
`,
    );
    expect(interrupted.stdout).toMatch(/shell ended: 129/);
    expect(await slurm.submission.submit(request())).toEqual({ kind: 'accepted', slurmJobId: '1234', message: null });
  });
});

describe('looking for a job whose number nobody knows', () => {
  beforeEach(() => slurm.submission.makeJobDirectory(workDir));

  it('believes the claim of its own batch script first', async () => {
    await symlink('1234', join(workDir, 'run', 'job.claim'));
    expect(await slurm.submission.find(workDir, JOB_ID)).toEqual({ slurmJobId: '1234', sbatch: 'elsewhere' });
  });

  it('finds it in the queue by its batch script', async () => {
    await says('squeue', fixture('queue.txt'));
    expect((await slurm.submission.find(workDir, '01K00000000000000000000006')).slurmJobId).toBe('7');
    expect((await slurm.submission.find(workDir, '01K00000000000000000000007')).slurmJobId).toBe('8');
  });

  it('tells whether sbatch is still at work', async () => {
    await says('squeue', '');
    const look = async () => (await slurm.submission.find(workDir, JOB_ID)).sbatch;
    await mkdir(join(workDir, 'submit'));
    expect(await look()).toBe('elsewhere');
    const { stdout: host } = await runShell('/bin/sh', 'uname -n\n');
    // Whose command line names the job.
    const worker = spawn('sh', ['-c', 'read line', workDir], { detached: true });
    await symlink(`${host.trim()} ${worker.pid}`, join(workDir, 'submit', 'owner'));
    expect(await look()).toBe('running');
    worker.kill();
    await once(worker, 'close');
    expect(await look()).toBe('over');
    await rm(join(workDir, 'submit', 'owner'));
    await symlink(`another-login ${process.pid}`, join(workDir, 'submit', 'owner'));
    expect(await look()).toBe('elsewhere');
    await writeFile(join(workDir, 'submit', 'code'), '1\n');
    expect(await look()).toBe('over');
  });

  it('does not say that there is none when its row cannot be read', async () => {
    await says('squeue', `7\x1fRUNNING\x1ffields too few\x1drecorded${workDir}/job.sh\x1drecorded/\x1erecorded\n`);
    await expect(slurm.submission.find(workDir, JOB_ID)).rejects.toThrow("can't be read");
  });

  it('does not say that there is none when the queue cannot be read', async () => {
    await says('squeue', '', 'slurm_load_jobs error: Unable to contact slurm controller\n', 1);
    await expect(slurm.submission.find(workDir, JOB_ID)).rejects.toThrow(SlurmUnavailable);
  });

  it('once there is certainly none, lets sbatch run again', async () => {
    await mkdir(join(workDir, 'submit'));
    expect(await slurm.submission.reset(workDir, true)).toBe(1);
    expect(await readdir(workDir)).toEqual(['run', expect.stringMatching(/^submit\.failed\.\d+$/)]);
    await expect(slurm.submission.reset(workDir, true)).rejects.toThrow(SlurmUnavailable);
  });

  it('keeps of attempts that never reached Slurm the last one alone, and counts none', async () => {
    for (const attempt of ['first', 'second']) {
      await mkdir(join(workDir, 'submit'));
      await writeFile(join(workDir, 'submit', attempt), '');
      expect(await slurm.submission.reset(workDir, false)).toBe(0);
    }
    expect(await readdir(workDir)).toEqual(['run', 'submit.unasked']);
    expect(await readdir(join(workDir, 'submit.unasked'))).toEqual(['second']);
  });

  it('passes over what Slurm recorded though it refused it', async () => {
    await mkdir(join(workDir, 'submit'));
    const refused = { ...WAITING, Command: `${workDir}/job.sh`, WorkDir: workDir };
    const component = queueRow({ ...refused, JobArrayID: '8+0', State: 'CANCELLED' });
    const job = queueRow({ ...refused, JobArrayID: '9', State: 'FAILED', Reason: 'BadConstraints' });
    await says('squeue', component + job);
    expect((await slurm.submission.find(workDir, JOB_ID)).slurmJobId).toBeNull();
  });
});

describe('cancelling', () => {
  it('names the jobs to scancel', async () => {
    await says('scancel', '');
    await says('scontrol', '');
    await slurm.control.cancel(['7', '8_3', '8_4', '9']);
    // A waiting task is held first, for else nothing would be left of it that tells of its end.
    expect(await calls()).toEqual([
      expect.stringMatching(/scontrol hold 8_\[3-4\]$/),
      expect.stringMatching(/scancel 7 8_\[3-4\] 9$/),
    ]);
  });

  it('that did not arrive is a fault', async () => {
    const words = 'scancel: error: Kill job error on job id 5: Unable to contact slurm controller (connect failure)';
    await says('scancel', '', `${words}\n`, 8);
    await expect(slurm.control.cancel(['5'])).rejects.toThrow(SlurmUnavailable);
  });
});
