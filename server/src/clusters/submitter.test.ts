import { execFileSync, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import type { Job } from '../domain/job.ts';
import { aJob, aProject, NO_RESOURCES, NO_SUBMISSION } from '../domain/testing.ts';
import { Journal } from '../events/index.ts';
import { SlurmAdapter } from '../slurm/index.ts';
import { LocalLogin, queueRow } from '../slurm/testing.ts';
import { Store } from '../store/index.ts';
import { DatabaseWork } from '../store/testing.ts';
import type { Logger } from '../telemetry/index.ts';
import { ABANDONED_MS } from './submission-doubts.ts';
import { Submitter } from './submitter.ts';

const SETTINGS = {
  name: 'alpha',
  host: 'login',
  workspace: '~/slurmql',
  gpuRequest: 'gres',
  pollIntervalSeconds: 30,
  gpuCacheSeconds: 60,
} as const;

let databaseWork: DatabaseWork;
let login: LocalLogin;
let store: Store;
let journal: Journal;
let archive: Buffer;
let hasFiles: boolean;
/** How much the server packed for a job, unless it is next to nothing. */
let sizes: Map<string, number>;
/** Jobs whose files are small, and many. */
let long: Set<string>;
/** How often files were sent. */
let sent: number;
/** What happens to a file before it is written. */
let underWay: (name: string) => Promise<void>;
/** Jobs whose files the server has removed. */
let removed: string[];
/** What happens when it does. */
let removing: () => Promise<void>;
/** Jobs that Slurm took, as the submitter told. */
let accepted: Job[];
/** Those that it took just now. */
let fresh: Job[];
/** Small files are written in part, then this is called; null: they are whole. */
let partly: ((name: string) => void) | null;
let submitters: Submitter[];
/** What the submitters told of faults, in its order. */
let faults: (string | null)[];

beforeEach(async () => {
  login = await LocalLogin.create();
  databaseWork = new DatabaseWork();
  store = await Store.open(':memory:');
  journal = new Journal(store);
  await journal.start();
  await login.run('mkdir empty && tar -czf empty.tar.gz -C empty .');
  archive = await readFile(join(login.home, 'empty.tar.gz'));
  hasFiles = true;
  sizes = new Map();
  long = new Set();
  sent = 0;
  removed = [];
  removing = async () => undefined;
  accepted = [];
  fresh = [];
  underWay = async () => undefined;
  partly = null;
  submitters = [];
  faults = [];
  await login.command('squeue', ':');
});

afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(submitters.map((submitter) => submitter.stop()));
  await store.close();
  databaseWork[Symbol.dispose]();
  await login[Symbol.asyncDispose]();
});

/** Of a file, without what an attempt adds to it. */
const plainName = (path: string) => basename(path).replace(/\.[0-9a-f]{16}$/, '');

/** One that waits for next to nothing where another would wait for a minute. */
function startSubmitter({ givenUpMs = 24 * 60 * 60_000, longestRetryMs = 20, spacingMs = 1 } = {}): Submitter {
  const silent = () => undefined;
  const log: Logger = { debug: silent, info: silent, warn: silent, error: silent };
  const submitter = new Submitter({
    settings: SETTINGS,
    slurm: new SlurmAdapter(login, SETTINGS).submission,
    files: {
      write: async (path, content) => {
        await underWay(plainName(path));
        await mkdir(dirname(path), { recursive: true });
        if (partly !== null && basename(path) !== 'source.tar.gz') {
          await writeFile(path, '#!/bin/bash\nhalf of i');
          partly(plainName(path));
          throw new Error('the connection broke');
        }
        await writeFile(path, content);
      },
    },
    jobs: store.jobs,
    journal,
    staging: {
      open: () => {
        sent += 1;
        return Readable.from([archive]);
      },
      remove: async (jobId) => {
        await removing();
        removed.push(jobId);
      },
      has: async () => hasFiles,
      size: async (jobId) => sizes.get(jobId) ?? archive.length,
      takesLong: async (jobId) => sizes.has(jobId) || long.has(jobId),
    },
    log,
    slurmVersion: () => '24.11.5',
    delays: { retryMs: 5, certainlyAbsentMs: 10, lookMs: 5, longestRetryMs, givenUpMs, spacingMs },
    onAccepted: (job, isNew) => {
      accepted.push(job);
      if (isNew) fresh.push(job);
    },
    onFault: (fault) => faults.push(fault),
  });
  submitters.push(submitter);
  submitter.connected(`${login.home}/slurmql`);
  return submitter;
}

async function record(array: string | null = null, projectId: string | null = null): Promise<Job> {
  const resources = { ...NO_RESOURCES, array };
  const job = aJob({ state: 'SUBMITTING', slurmJobId: null, workDir: null, resources, projectId });
  await journal.write(SYSTEM, (writer) => writer.create([{ job, idempotencyKey: null, submission: NO_SUBMISSION }]));
  return job;
}

/** The job as it is once it passes. */
async function once(id: string, isRight: (job: Job) => boolean): Promise<Job> {
  const { signal } = new AbortController();
  for await (const followed of journal.follow(0, signal)) {
    const events = followed.kind === 'events' ? followed.events : [];
    const right = events.map(({ job }) => job).find((job) => job.id === id && isRight(job));
    if (right !== undefined) return right;
  }
  throw new Error('there are no more events');
}

const calls = async () => (await readFile(join(login.home, 'calls'), 'utf8')).split('\n').filter(Boolean).length;

describe('an sbatch that is always killed', () => {
  beforeEach(() => login.command('sbatch', 'echo called >>"$HOME/calls"; kill -9 $$'));

  it('is tried five times, then the submission has failed, with what was seen and what to do', async () => {
    const job = await record();
    startSubmitter();
    const end = await once(job.id, ({ state }) => state !== 'SUBMITTING');
    expect(end).toMatchObject({ state: 'SUBMIT_FAILED', slurmJobId: null, workDir: null });
    expect(end.reason).toMatch(/run 5 times.*without a job in Slurm.*Killed.*submit it again/);
    expect(await calls()).toBe(5);
  });

  it('is tried five times in all, however often the server is started anew', async () => {
    const job = await record();
    const first = startSubmitter();
    await once(job.id, ({ reason }) => reason?.includes('Killed') === true);
    await first.stop();
    startSubmitter();
    expect(await once(job.id, ({ state }) => state !== 'SUBMITTING')).toMatchObject({ state: 'SUBMIT_FAILED' });
    expect(await calls()).toBe(5);
  });
});

describe('a job whose files the server has lost', () => {
  it('is not submitted, and says so', async () => {
    await login.command('sbatch', 'echo called >>"$HOME/calls"; echo 77');
    hasFiles = false;
    const job = await record();
    startSubmitter();
    const end = await once(job.id, ({ state }) => state !== 'SUBMITTING');
    expect(end).toMatchObject({ state: 'SUBMIT_FAILED', slurmJobId: null, workDir: null });
    expect(end.reason).toMatch(/no longer has the files of this job.*submit it again/);
  });
});

describe('a recorded job', () => {
  beforeEach(() => login.command('sbatch', 'echo 77'));

  it('is taken up though nobody submitted it here', async () => {
    startSubmitter();
    const job = await record();
    expect(await once(job.id, ({ state }) => state !== 'SUBMITTING')).toMatchObject({ state: 'PENDING' });
  });

  it('is taken up by the submitter that took the place of the one it was submitted to', async () => {
    const old = startSubmitter();
    await old.stop();
    startSubmitter();
    const job = await record();
    await old.submit(job.id);
    expect(await once(job.id, ({ state }) => state !== 'SUBMITTING')).toMatchObject({ state: 'PENDING' });
  });
});

describe("a data directory where a job's files can not be removed", () => {
  const FAULTS = ['EIO', 'ESTALE', 'EROFS', 'EACCES', 'ENOTCONN'].map((code): [string] => [code]);
  const failing = (code: string) => {
    removing = async () => {
      throw new Error(`${code}: unlink`);
    };
  };

  it.each(FAULTS)('with %s keeps none that Slurm took from being told of, and gives it no reason', async (code) => {
    failing(code);
    await login.command('sbatch', 'echo 77');
    const job = await record();
    const submitter = startSubmitter();
    await submitter.submit(job.id);
    await expect.poll(() => accepted.map(({ id, slurmJobId }) => [id, slurmJobId])).toEqual([[job.id, '77']]);
    await submitter.stop();
    expect(await store.jobs.get(job.id)).toMatchObject({ state: 'PENDING', reason: null });
    expect(faults.filter((fault) => fault !== null)).toEqual([]);
  });

  it.each(FAULTS)('with %s changes nothing of what Slurm refused', async (code) => {
    failing(code);
    await login.command('sbatch', 'echo "sbatch: error: Invalid --time specification" >&2; exit 1');
    const job = await record();
    const submitter = startSubmitter();
    await submitter.submit(job.id);
    await once(job.id, ({ state }) => state === 'SUBMIT_FAILED');
    await submitter.stop();
    expect(await store.jobs.get(job.id)).toMatchObject({ reason: 'Invalid --time specification' });
  });
});

describe('the number of a job', () => {
  const queueOf = (id: string) => {
    const directory = `/home/ada/slurmql/jobs/${id}`;
    const row = queueRow({ JobArrayID: '17', Command: `${directory}/job.sh`, WorkDir: directory });
    return login.command('squeue', `cat <<'ROWS'\n${row}ROWS`);
  };

  it('is new where sbatch has just told it', async () => {
    await login.command('sbatch', 'echo 17');
    const job = await record();
    await startSubmitter().submit(job.id);
    expect(fresh.map(({ slurmJobId }) => slurmJobId)).toEqual(['17']);
  });

  it.each<[string, string, (id: string) => Promise<unknown>]>([
    ['an answer', 'echo 0 >submit/code; echo 17 >submit/stdout; : >submit/stderr', async () => undefined],
    ['a claim', 'ln -s 17 run/job.claim', async () => undefined],
    ['an answer without a number', 'echo 0 >submit/code; : >submit/stdout', queueOf],
    [
      'a refusal, and a claim',
      'echo 1 >submit/code; echo "sbatch: error: no" >submit/stderr; ln -s 17 run/a.claim',
      queueOf,
    ],
    ['nothing but its place in the queue', ':', queueOf],
  ])('is not new where an earlier sbatch has left %s', async (_what, left, prepare) => {
    await login.command('sbatch', 'echo called >>"$HOME/calls"; echo 18');
    const job = await record();
    await prepare(job.id);
    await login.run(
      `mkdir -p slurmql/jobs/${job.id}/submit slurmql/jobs/${job.id}/run; cd slurmql/jobs/${job.id}; ln -s 'elsewhere 1' submit/owner; ${left}`,
    );
    startSubmitter();
    await once(job.id, ({ slurmJobId }) => slurmJobId === '17');
    await expect.poll(() => accepted.map(({ slurmJobId }) => slurmJobId)).toEqual(['17']);
    expect(fresh).toEqual([]);
    await expect(calls()).rejects.toThrow('ENOENT');
  });
});

describe("the removal of a job's directory", () => {
  const JOBS = 'slurmql/jobs';
  const left = async () => (await readdir(join(login.home, JOBS))).toSorted();
  const goOn = () => login.run('touch go');

  beforeEach(async () => {
    const rm = (await login.run('command -v rm')).stdout.trim();
    // Of a job's own directory, or of what has taken its files: one that hangs.
    await login.command(
      'rm',
      `case "$*" in *-rf*/${JOBS}/??????????????????????????*) until [ -e "$HOME/go" ]; do sleep 0.02; done ;; esac; exec ${rm} "$@"`,
    );
  });
  afterEach(goOn);

  it.each([
    ['refused', 'echo "sbatch: error: Invalid --time specification" >&2; exit 1'],
    [
      'refused for the moment',
      'echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy" >&2; exit 1',
    ],
  ])('holds up no answer to one that Slurm %s, however long it takes', async (_what, answer) => {
    await login.command('sbatch', `echo called >>"$HOME/calls"; ${answer}`);
    const job = await record();
    startSubmitter();
    await once(job.id, ({ state }) => state === 'SUBMIT_FAILED');
    expect(await left()).not.toContain(job.id);
    expect(await calls()).toBe(1);
    await goOn();
    await expect.poll(left).toEqual([]);
  });

  it.each([
    ['that sbatch refused', 'mkdir submit source; echo 1 >submit/code'],
    ['that is unpacked', 'mkdir source'],
    ['with half of its files left', 'mkdir submit source; touch source/a source/b'],
    ['with files that have only arrived', 'mkdir unpack; touch unpack/source.tar.gz'],
    ['that holds nothing', ':'],
  ])('of one %s leaves nothing for the next attempt, and nothing of that is removed', async (_what, content) => {
    const slurm = new SlurmAdapter(login, SETTINGS).submission;
    const { id } = aJob();
    const workDir = `${login.home}/${JOBS}/${id}`;
    await slurm.makeJobDirectory(workDir);
    await login.run(`cd ${JOBS}/${id} && { ${content}; }`);
    // While it still goes on, as after a connection that broke.
    await slurm.removeJobDirectory(workDir);
    expect(await slurm.makeJobDirectory(workDir)).toEqual({ isSubmitted: false, isUploaded: false });
    await writeFile(join(workDir, 'job.sh'), 'the next');
    await goOn();
    await expect.poll(left).toEqual([id]);
    expect((await readdir(workDir)).toSorted()).toEqual(['job.sh', 'run']);
  });
});

describe('the files of a job', () => {
  it('are sent side by side, and again only when none is on its way any more', async () => {
    await login.command('sbatch', 'echo 77');
    const begun: string[] = [];
    const source = Promise.withResolvers<void>();
    underWay = async (name) => {
      begun.push(name);
      if (begun.length > 3) return;
      if (name === 'job.sh') throw new Error('the directory is full');
      if (name === 'source.tar.gz') await source.promise;
    };
    const job = await record();
    startSubmitter();
    await expect.poll(() => begun.toSorted()).toEqual(['environment.sh', 'job.sh', 'source.tar.gz']);
    // The next attempt would follow within a few milliseconds.
    await pause(100);
    expect(begun).toHaveLength(3);
    source.resolve();
    await once(job.id, ({ state }) => state === 'PENDING');
    expect(begun.slice(3).toSorted()).toEqual(['environment.sh', 'job.sh', 'source.tar.gz']);
  });
});

describe('the batch script of a job', () => {
  it('is whole under its name, though the server is started anew while it is written', async () => {
    const tar = (await login.run('command -v tar')).stdout.trim();
    // The first server's files have arrived, and its unpacking waits.
    await login.command('tar', `touch "$HOME/waits"; until [ -e "$HOME/go" ]; do sleep 0.02; done; exec ${tar} "$@"`);
    await login.command('sbatch', 'for last; do :; done; cat "$last" ../environment.sh >"$HOME/taken"; echo 77');
    const job = await record();
    const first = startSubmitter();
    await expect.poll(() => readdir(login.home)).toContain('waits');
    await first.stop();
    const directory = join(login.home, 'slurmql', 'jobs', job.id);
    const whole = await readFile(join(directory, 'job.sh'), 'utf8');
    // The next one is cut off in the middle of each.
    const begun: string[] = [];
    const cut = Promise.withResolvers<void>();
    partly = (name) => {
      if (begun.push(name) === 2) cut.resolve();
    };
    startSubmitter();
    await cut.promise;
    expect(begun.toSorted()).toEqual(['environment.sh', 'job.sh']);
    expect(await readFile(join(directory, 'job.sh'), 'utf8')).toBe(whole);
    await submitters[1]?.stop();
    partly = null;
    startSubmitter();
    await login.run('touch go');
    await once(job.id, ({ state }) => state === 'PENDING');
    expect(await readFile(join(login.home, 'taken'), 'utf8')).toContain(whole);
    // Nothing is left of the attempts between.
    expect((await readdir(directory)).filter((name) => name.includes('.sh'))).toEqual(['environment.sh', 'job.sh']);
  });

  it('is not handed to sbatch where it can not take its name', async () => {
    await login.command('sbatch', 'echo called >>"$HOME/calls"; echo 77');
    const mv = (await login.run('command -v mv')).stdout.trim();
    await login.command(
      'mv',
      `case $3 in job.sh) echo "mv: cannot move: Disk quota exceeded" >&2; exit 1 ;; esac; exec ${mv} "$@"`,
    );
    const job = await record();
    startSubmitter();
    await once(job.id, ({ reason }) => /Disk quota exceeded.*Free some space/.test(reason ?? ''));
    await expect(calls()).rejects.toThrow('ENOENT');
    await rm(join(login.bin, 'mv'));
    await once(job.id, ({ state }) => state === 'PENDING');
    expect(await calls()).toBe(1);
  });
});

describe('a Slurm that is away', () => {
  it('is waited for, however often it is asked in vain', async () => {
    const away = 'sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)';
    await login.command(
      'sbatch',
      `echo called >>"$HOME/calls"\n[ "$(wc -l <"$HOME/calls")" -gt 8 ] || { echo '${away}' >&2; exit 1; }\necho 77`,
    );
    const job = await record();
    startSubmitter();
    expect(await once(job.id, ({ state }) => state !== 'SUBMITTING')).toMatchObject({
      state: 'PENDING',
      slurmJobId: '77',
    });
    expect(await calls()).toBe(9);
  });

  it('is no fault any more once Slurm took the job at the second try of the same attempt', async () => {
    const away = 'sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)';
    await login.command(
      'sbatch',
      `echo called >>"$HOME/calls"\n[ "$(wc -l <"$HOME/calls")" -gt 1 ] || { echo '${away}' >&2; exit 1; }\necho 77`,
    );
    const job = await record();
    startSubmitter();
    await once(job.id, ({ state }) => state === 'PENDING');
    await submitters[0]?.stop();
    expect(faults).toContainEqual(expect.stringContaining('Unable to contact slurm controller'));
    expect(faults.at(-1)).toBeNull();
  });

  it('is no fault any more once another job was taken, though the first one still waits', async () => {
    const away = 'sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)';
    const first = await record();
    await login.command('sbatch', `case $PWD in *${first.id}*) echo '${away}' >&2; exit 1 ;; esac; echo 78`);
    const submitter = startSubmitter();
    await once(first.id, ({ reason }) => reason?.includes('Unable to contact slurm controller') === true);
    expect(faults.at(-1)).toContain('Unable to contact slurm controller');
    faults = [];
    const second = await record();
    void submitter.submit(second.id);
    await once(second.id, ({ state }) => state === 'PENDING');
    expect(faults).toContain(null);
  });
});

describe('a login node that is at fault for a while', () => {
  const failsTwice = (faulty: string, works: string) =>
    `echo called >>"$HOME/calls"\n[ "$(wc -l <"$HOME/calls")" -gt 2 ] || { ${faulty}; }\n${works}`;
  const says = (words: string, code = 1) => `printf '%s\\n' '${words}' >&2; exit ${code}`;

  it.each([
    ['has no munged', says('sbatch: error: Batch job submission failed: Protocol authentication error')],
    ['has no slurm.conf', says('sbatch: fatal: Could not establish a configuration source')],
    ['misses a library', says('sbatch: error while loading shared libraries: libslurmfull.so: cannot open', 127)],
    ['has lost sbatch', says('/bin/sh: 23: exec: sbatch: not found', 127)],
    ['has a disk that is away', says('sbatch: error: Unable to open file job.sh')],
    ['can start no process', says('/bin/sh: 0: Cannot fork', 2)],
  ])('and %s ends no job and removes no files', async (_what, faulty) => {
    await login.command('sbatch', failsTwice(faulty, 'echo 77'));
    const job = await record();
    startSubmitter();
    const said = await once(job.id, ({ reason }) => reason?.includes('tried again by itself, for a day') === true);
    expect(said).toMatchObject({ state: 'SUBMITTING' });
    expect(removed).toEqual([]);
    expect(await once(job.id, ({ state }) => state !== 'SUBMITTING')).toMatchObject({ state: 'PENDING' });
    expect(await calls()).toBe(3);
  });

  it.each(['Input/output error', 'Stale file handle', 'Cannot send after transport endpoint shutdown'])(
    'and whose tar says %s ends no job and removes no files',
    async (words) => {
      await login.command('sbatch', 'echo 77');
      const tar = (await login.run('command -v tar')).stdout.trim();
      await login.command('tar', failsTwice(says(`tar: ./a: Cannot open: ${words}`, 2), `exec ${tar} "$@"`));
      const job = await record();
      startSubmitter();
      const said = await once(job.id, ({ reason }) => reason?.includes('tried again by itself, for a day') === true);
      expect(said).toMatchObject({ state: 'SUBMITTING', reason: expect.stringContaining(words) });
      expect(removed).toEqual([]);
      await once(job.id, ({ state }) => state === 'PENDING');
      expect(await calls()).toBe(3);
    },
  );

  it('ends none of the jobs that wait, and each is submitted once', async () => {
    const faulty = says('sbatch: error: Batch job submission failed: Protocol authentication error');
    await login.command('sbatch', `[ -e "$HOME/repaired" ] || { ${faulty}; }\necho call >>"$HOME/calls"\necho $$`);
    const jobs = [await record(), await record(), await record(), await record(), await record()];
    startSubmitter();
    for (const { id } of jobs) await once(id, ({ reason }) => reason?.includes('authentication') === true);
    await login.run('touch repaired');
    for (const { id } of jobs) {
      expect(await once(id, ({ state }) => state !== 'SUBMITTING')).toMatchObject({ state: 'PENDING' });
    }
    expect(await calls()).toBe(5);
  });

  it('and has submitted the job all the same does so once', async () => {
    await login.command(
      'sbatch',
      `echo called >>"$HOME/calls"; ln -s 79 ../../run/job.claim; ${says('sbatch: error: Batch job submission failed: Protocol authentication error')}`,
    );
    const job = await record();
    startSubmitter();
    expect(await once(job.id, ({ slurmJobId }) => slurmJobId !== null)).toMatchObject({ slurmJobId: '79' });
    expect(await calls()).toBe(1);
  });

  it('for longer than a day ends the job, which says what was seen and what to do', async () => {
    await login.command('sbatch', says('sbatch: fatal: Could not establish a configuration source'));
    const job = await record();
    startSubmitter({ givenUpMs: 100, longestRetryMs: 60_000 });
    const end = await once(job.id, ({ state }) => state !== 'SUBMITTING');
    expect(end).toMatchObject({ state: 'SUBMIT_FAILED', workDir: null });
    expect(end.reason).toMatch(/configuration source.*tried again for a day.*submit it again/);
    expect(removed).toEqual([job.id]);
  });

  it('and whose tar is for longer than a day ends the job', async () => {
    await login.command('tar', says('tar: ./a: Cannot open: Input/output error', 2));
    const job = await record();
    startSubmitter({ givenUpMs: 100, longestRetryMs: 60_000 });
    const end = await once(job.id, ({ state }) => state !== 'SUBMITTING');
    expect(end.reason).toMatch(/Input\/output error.*tried again for a day.*submit it again/);
  });

  it('keeps no job from being cancelled, however long the pause is', async () => {
    await login.command('sbatch', `echo called >>"$HOME/calls"; ${says('sbatch: fork: Cannot allocate memory')}`);
    const job = await record();
    startSubmitter({ longestRetryMs: 24 * 60 * 60_000 });
    await once(job.id, ({ reason }) => reason?.includes('tried again by itself, for a day') === true);
    await journal.write(SYSTEM, (writer) =>
      writer.update(job.id, (current) => ({ ...current, state: 'CANCELLING', cancelRequestedAt: new Date() })),
    );
    expect(await once(job.id, ({ state }) => state === 'CANCELLED')).toMatchObject({ workDir: null });
  });

  it('does not keep a refusal of Slurm from ending its job at once', async () => {
    const refusal = 'sbatch: error: Batch job submission failed: Invalid partition name specified';
    await login.command('sbatch', `echo called >>"$HOME/calls"; ${says(refusal)}`);
    const job = await record();
    startSubmitter();
    expect(await once(job.id, ({ state }) => state !== 'SUBMITTING')).toMatchObject({ state: 'SUBMIT_FAILED' });
    expect(await calls()).toBe(1);
  });
});

describe('jobs that faults keep from Slurm', () => {
  const HOUR = 60 * 60_000;
  const says = (words: string, code = 1) => `printf '%s\\n' '${words}' >&2; exit ${code}`;
  const isKept = ({ reason }: Job) => reason?.includes('tried again by itself, for a day') === true;
  const isTaken = ({ state }: Job) => state === 'PENDING';
  const sweep = () => Promise.all([record(), record(), record(), record(), record()]);

  it.each([
    ['no credential', 'sbatch: error: Batch job submission failed: Protocol authentication error'],
    ['no configuration', 'sbatch: fatal: Could not establish a configuration source'],
    [
      'no controller',
      'sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)',
    ],
    ['a full table of jobs', 'sbatch: error: Batch job submission failed: MaxJobCount limit reached'],
    ['busy nodes', 'sbatch: error: Batch job submission failed: Requested nodes are busy'],
  ])('such as %s, hold up none that Slurm takes, however long sbatch is spared for them', async (_what, words) => {
    const faulty = await sweep();
    await login.command(
      'sbatch',
      `case $PWD in *${faulty.map(({ id }) => id).join('*|*')}*) ${says(words)} ;; esac; echo 78`,
    );
    const submitter = startSubmitter({ spacingMs: HOUR, longestRetryMs: HOUR });
    for (const { id } of faulty) await once(id, ({ reason }) => reason !== null);
    for (const good of await sweep()) {
      void submitter.submit(good.id);
      await once(good.id, isTaken);
    }
  });

  it('take one place of those where projects are unpacked', async () => {
    await login.command('sbatch', 'echo 78');
    const tar = (await login.run('command -v tar')).stdout.trim();
    const faulty = await sweep();
    // At first the disk is away, then it hangs.
    await login.command(
      'tar',
      `case $PWD in *${faulty.map(({ id }) => id).join('*|*')}*)
  id=\${PWD##*/}
  [ -e "$HOME/failed.$id" ] || { touch "$HOME/failed.$id"; ${says('tar: ./a: Cannot open: Input/output error', 2)}; }
  [ -e "$HOME/back" ] || touch "$HOME/hangs.$id"
  until [ -e "$HOME/back" ]; do sleep 0.05; done
esac
exec ${tar} "$@"`,
    );
    const submitter = startSubmitter();
    await expect
      .poll(async () => (await readdir(login.home)).filter((name) => name.startsWith('hangs')), { timeout: 20_000 })
      .toHaveLength(1);
    for (const { id } of faulty) await once(id, isKept);
    const good = await record();
    void submitter.submit(good.id);
    await once(good.id, isTaken);
    expect((await readdir(login.home)).filter((name) => name.startsWith('hangs'))).toHaveLength(1);
    await login.run('touch back');
    for (const { id } of faulty) await once(id, isTaken);
  });

  it('are looked for with one look at the queue at a time, which others share', async () => {
    await login.command('squeue', 'echo begin >>"$HOME/looks"; sleep 0.1; echo end >>"$HOME/looks"');
    const slurm = new SlurmAdapter(login, SETTINGS).submission;
    const jobs = await sweep();
    const directory = (id: string) => `${login.home}/slurmql/jobs/${id}`;
    for (const { id } of jobs) await slurm.makeJobDirectory(directory(id));
    await Promise.all(jobs.map(({ id }) => slurm.find(directory(id), id)));
    const looks = (await readFile(join(login.home, 'looks'), 'utf8')).split('\n').filter(Boolean);
    expect(looks.length / 2).toBeLessThan(jobs.length);
    expect(looks.filter((line, index) => line !== (index % 2 === 0 ? 'begin' : 'end'))).toEqual([]);
  });
});

describe('an sbatch that hangs', () => {
  /** Of the job that hangs: the process that waits for a pipe which nobody writes to. */
  const pids = async () =>
    (await readFile(join(login.home, 'pids'), 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number);
  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const cancel = (id: string) =>
    journal.write(SYSTEM, (writer) =>
      writer.update(id, (current) => ({ ...current, state: 'CANCELLING', cancelRequestedAt: new Date() })),
    );
  const isTaken = ({ state }: Job) => state === 'PENDING';
  const saysSo = ({ reason }: Job) => reason?.includes('sbatch still runs on the login node') === true;
  let hung: Job;

  beforeEach(async () => {
    hung = await record();
    execFileSync('mkfifo', [join(login.home, 'pipe')]);
    await login.command(
      'sbatch',
      `case $PWD in *${hung.id}*) echo $$ >>"$HOME/pids"; read line <"$HOME/pipe" ;; esac; echo called >>"$HOME/calls"; echo 78`,
    );
    const sleep = (await login.run('command -v sleep')).stdout.trim();
    await login.command('sleep', `echo "$1" >>"$HOME/sleeps"; exec ${sleep} 0.01`);
  });
  afterEach(async () => {
    for (const pid of await pids()) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });

  it('holds up no other job, and is cancelled with its job', async () => {
    const submitter = startSubmitter();
    await once(hung.id, saysSo);
    const other = await record();
    void submitter.submit(other.id);
    await once(other.id, isTaken);
    await cancel(hung.id);
    expect(await once(hung.id, ({ state }) => state === 'CANCELLED')).toMatchObject({
      slurmJobId: null,
      workDir: null,
      reason: 'Cancelled before Slurm had it',
    });
    expect(await pids()).toHaveLength(1);
    await expect.poll(async () => (await pids()).filter(isAlive)).toEqual([]);
    expect(await calls()).toBe(1);
  });

  it('holds up no other job after a restart, and is the one that was started before', async () => {
    const first = startSubmitter();
    await once(hung.id, saysSo);
    await first.stop();
    const submitter = startSubmitter();
    const other = await record();
    void submitter.submit(other.id);
    await once(other.id, isTaken);
    await login.run('echo go >pipe');
    expect(await once(hung.id, isTaken)).toMatchObject({ slurmJobId: '78' });
    expect(await pids()).toHaveLength(1);
  });

  it('is cancelled after a restart, too', async () => {
    const first = startSubmitter();
    await once(hung.id, saysSo);
    await first.stop();
    await cancel(hung.id);
    startSubmitter();
    await once(hung.id, ({ state }) => state === 'CANCELLED');
    expect(await pids()).toHaveLength(1);
    await expect.poll(async () => (await pids()).filter(isAlive)).toEqual([]);
  });

  it('that Slurm had answered before it was killed leaves the job that Slurm has', async () => {
    await login.command(
      'sbatch',
      `echo $$ >>"$HOME/pids"; ln -s 79 "$HOME/slurmql/jobs/${hung.id}/run/job.claim"; read line <"$HOME/pipe"`,
    );
    startSubmitter();
    await expect.poll(pids, { timeout: 20_000 }).toHaveLength(1);
    await cancel(hung.id);
    expect(await once(hung.id, ({ slurmJobId }) => slurmJobId !== null)).toMatchObject({
      slurmJobId: '79',
      state: 'CANCELLING',
    });
  });

  it('each time is killed five times, then the submission has failed and says so', async () => {
    await login.command('sleep', ':');
    startSubmitter();
    const end = await once(hung.id, ({ state }) => state === 'SUBMIT_FAILED');
    expect(end.reason).toMatch(/run 5 times.*did not end within 5 minutes and was killed.*a file system that hangs/);
    expect(await pids()).toHaveLength(5);
    await expect.poll(async () => (await pids()).filter(isAlive)).toEqual([]);
  });
});

describe('projects that take long to be unpacked', () => {
  const LARGE_BYTES = 200 * 1024 * 1024;
  const begun = async () => (await readdir(join(login.home, 'begun')).catch(() => [])).length;
  const allow = (id: string) => writeFile(join(login.home, 'allowed', id), '');
  const large = async () => {
    const job = await record();
    sizes.set(job.id, LARGE_BYTES);
    return job;
  };
  const isTaken = ({ state }: Job) => state === 'PENDING';

  beforeEach(async () => {
    await login.command('sbatch', 'echo "$PWD" >>"$HOME/calls"; wc -l <"$HOME/calls"');
    const tar = (await login.run('command -v tar')).stdout.trim();
    await mkdir(join(login.home, 'begun'));
    await mkdir(join(login.home, 'allowed'));
    await login.command(
      'tar',
      `id=\${PWD##*/}; touch "$HOME/begun/$id"; until [ -e "$HOME/allowed/$id" ]; do sleep 0.05; done; exec ${tar} "$@"`,
    );
  });

  it('hold up no small one, are not many at a time, and are handed to sbatch as each is ready', async () => {
    const all = [await large(), await large(), await large(), await large()];
    const submitter = startSubmitter();
    await expect.poll(begun, { timeout: 20_000 }).toBe(2);
    const small = await record();
    await allow(small.id);
    void submitter.submit(small.id);
    expect(await once(small.id, isTaken)).toMatchObject({ slurmJobId: '1' });
    // Those that wait for a place have been sent, and none of them has begun.
    expect(await begun()).toBe(3);
    for (const { id } of all) await allow(id);
    for (const { id } of all) await once(id, isTaken);
    expect(await calls()).toBe(5);
  });

  it('are also those that are small and of many files', async () => {
    const all = [await record(), await record(), await record()];
    for (const { id } of all) long.add(id);
    const submitter = startSubmitter();
    await expect.poll(begun, { timeout: 20_000 }).toBe(2);
    const small = await record();
    await allow(small.id);
    void submitter.submit(small.id);
    expect(await once(small.id, isTaken)).toMatchObject({ slurmJobId: '1' });
    for (const { id } of all) await allow(id);
    for (const { id } of all) await once(id, isTaken);
  });

  it('come in turns by project: one with many jobs is not before all others', async () => {
    const [project, other] = ['many', 'other'];
    for (const id of [project, other]) await store.projects.save(aProject({ id }));
    const sweep = [];
    for (let count = 0; count < 5; count += 1) sweep.push(await record(null, project));
    const single = await record(null, other);
    for (const { id } of [...sweep, single]) long.add(id);
    await allow(single.id);
    startSubmitter();
    await expect.poll(begun, { timeout: 20_000 }).toBe(2);
    for (const { id } of sweep.slice(0, 2)) await allow(id);
    await once(single.id, isTaken);
    for (const { id } of sweep) await allow(id);
    for (const { id } of sweep) await once(id, isTaken);
  });

  it('go on without the server, and the next one waits for what the first one began', async () => {
    const job = await large();
    const first = startSubmitter();
    await expect.poll(begun, { timeout: 20_000 }).toBe(1);
    await first.stop();
    await rm(join(login.home, 'begun', job.id));
    startSubmitter();
    await allow(job.id);
    await once(job.id, isTaken);
    expect([await begun(), await calls()]).toEqual([0, 1]);
  });

  it('on another login node are waited for in no place, and begun anew once that one has shown no sign for long', async () => {
    const all = [await record(), await record(), await record()];
    for (const { id } of all) {
      const workDir = `${login.home}/slurmql/jobs/${id}`;
      await journal.write(SYSTEM, (writer) => writer.update(id, (current) => ({ ...current, workDir })));
      await mkdir(join(workDir, 'run'), { recursive: true });
      await mkdir(join(workDir, 'unpack'));
      // As that login node left it when it went down.
      await writeFile(join(workDir, 'unpack', 'source.tar.gz'), archive);
      await symlink('login2 77', join(workDir, 'unpack', 'owner'));
    }
    const submitter = startSubmitter();
    for (const { id } of all)
      await once(id, ({ reason }) => reason?.includes('is perhaps still being unpacked') === true);
    const small = await record();
    await allow(small.id);
    void submitter.submit(small.id);
    expect(await once(small.id, isTaken)).toMatchObject({ slurmJobId: '1' });
    expect(await begun()).toBe(1);
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + ABANDONED_MS);
    for (const { id } of all) await allow(id);
    for (const { id } of all) await once(id, isTaken);
    // What that login node had begun is dropped with its archive, which is sent anew.
    expect(sent).toBe(4);
  });

  it('keep no place for a process that has got the number of what unpacked them', async () => {
    const other = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    try {
      const host = (await login.run('uname -n')).stdout.trim();
      for (const { id } of [await record(), await record()]) {
        const workDir = `${login.home}/slurmql/jobs/${id}`;
        await journal.write(SYSTEM, (writer) => writer.update(id, (current) => ({ ...current, workDir })));
        await mkdir(join(workDir, 'run'), { recursive: true });
        await mkdir(join(workDir, 'unpack'));
        await writeFile(join(workDir, 'unpack', 'source.tar.gz'), archive);
        await symlink(`${host} ${other.pid}`, join(workDir, 'unpack', 'owner'));
      }
      const submitter = startSubmitter();
      const small = await record();
      await allow(small.id);
      void submitter.submit(small.id);
      // Both are asked for once, with some seconds of patience.
      await once(small.id, ({ workDir }) => workDir !== null);
      await expect.poll(() => sent).toBe(1);
      const now = performance.now.bind(performance);
      vi.spyOn(performance, 'now').mockImplementation(() => now() + 61_000);
      expect(await once(small.id, isTaken)).toMatchObject({ slurmJobId: '1' });
    } finally {
      other.kill();
    }
  });

  it.each([
    ['small ones', 'taken longer than 10 seconds', 11_000, 16 * 60_000],
    ['large ones', 'taken longer than 5 minutes', 301_000, 61 * 60_000],
  ])(
    'that are %s, and hang, hold up no others once they have %s, however many',
    async (what, _how, placeMs, goneMs) => {
      let now = performance.now();
      vi.spyOn(performance, 'now').mockImplementation(() => now);
      const add = () => (what === 'large ones' ? large() : record());
      const hung = [await add(), await add(), await add(), await add()];
      const submitter = startSubmitter();
      for (const count of [2, 4]) {
        await expect.poll(begun, { timeout: 20_000 }).toBe(count);
        now += placeMs;
      }
      const healthy = async () => {
        const job = await add();
        await allow(job.id);
        void submitter.submit(job.id);
        await once(job.id, isTaken);
      };
      for (let count = 0; count < 2; count += 1) await healthy();
      expect(await begun()).toBe(6);
      // Then they are dropped, and begun anew one at a time.
      for (const { id } of hung) await rm(join(login.home, 'begun', id));
      now += goneMs;
      await expect.poll(begun, { timeout: 20_000 }).toBe(3);
      for (let count = 0; count < 2; count += 1) await healthy();
      expect(await begun()).toBe(5);
      for (const { id } of hung) await allow(id);
      for (const { id } of hung) await once(id, isTaken);
      expect(await calls()).toBe(8);
    },
    120_000,
  );

  it('are sent once, however often sbatch has to be run', async () => {
    const away = 'sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)';
    await login.command(
      'sbatch',
      `echo called >>"$HOME/calls"\n[ "$(wc -l <"$HOME/calls")" -gt 3 ] || { echo '${away}' >&2; exit 1; }\necho 77`,
    );
    const job = await large();
    await allow(job.id);
    startSubmitter();
    await once(job.id, isTaken);
    expect([await calls(), sent]).toEqual([4, 1]);
  });

  it('are not waited for once the job is cancelled', async () => {
    const job = await large();
    startSubmitter();
    await expect.poll(begun, { timeout: 20_000 }).toBe(1);
    await journal.write(SYSTEM, (writer) =>
      writer.update(job.id, (current) => ({ ...current, cancelRequestedAt: new Date() })),
    );
    expect(await once(job.id, ({ state }) => state === 'CANCELLED')).toMatchObject({ workDir: null });
    await expect(calls()).rejects.toThrow('ENOENT');
  });
});

describe('many jobs that wait', () => {
  it('end in many turns of the event loop when the cluster is lost, and are taken up again with the next connection', async () => {
    const jobs = [];
    for (let count = 0; count < 300; count += 1) jobs.push(await record());
    // The first of them keep the places.
    const wait = Promise.withResolvers<void>();
    underWay = () => wait.promise;
    await login.command('sbatch', 'echo "$PWD" >>"$HOME/calls"; wc -l <"$HOME/calls"');
    const submitter = startSubmitter();
    const ended = jobs.map(({ id }) => submitter.submit(id));
    await expect
      .poll(async () => (await readdir(join(login.home, 'slurmql', 'jobs')).catch(() => [])).length)
      .toBeGreaterThan(0);
    submitter.disconnected();
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    count();
    wait.resolve();
    await Promise.all(ended);
    isOver = true;
    expect(turns).toBeGreaterThan(100);
    underWay = async () => undefined;
    submitter.connected(`${login.home}/slurmql`);
    await once(jobs.at(-1)?.id ?? '', ({ state }) => state === 'PENDING');
  });
});

describe('a job that Slurm refuses', () => {
  it('keeps no other from sbatch while its directory is removed', async () => {
    const refused = await record();
    await login.command(
      'sbatch',
      `case $PWD in *${refused.id}*) echo 'sbatch: error: invalid account' >&2; exit 1 ;; esac; echo 78`,
    );
    const move = (await login.run('command -v mv')).stdout.trim();
    await login.command(
      'mv',
      `case $* in *.gone ) touch "$HOME/removing"; until [ -e "$HOME/go" ]; do sleep 0.05; done ;; esac; exec ${move} "$@"`,
    );
    const submitter = startSubmitter();
    await expect.poll(async () => (await readdir(login.home)).includes('removing'), { timeout: 20_000 }).toBe(true);
    const good = await record();
    void submitter.submit(good.id);
    await once(good.id, ({ state }) => state === 'PENDING');
    await login.run('touch go');
    expect(await once(refused.id, ({ state }) => state === 'SUBMIT_FAILED')).toMatchObject({
      reason: expect.stringContaining('invalid account'),
    });
  });
});

describe('an array of many tasks', () => {
  it('is recorded with all of them once Slurm took it, while others have their turn', async () => {
    await login.command('sbatch', 'echo 77');
    const array = await record('0-2999:2');
    const most = await databaseWork.mostInATurn(async () => {
      startSubmitter();
      await once(array.id, ({ state }) => state === 'PENDING');
    });
    const tasks = await store.jobs.tasks(array.id);
    expect(tasks.map(({ slurmJobId }) => slurmJobId)).toEqual(Array.from({ length: 1500 }, (_, at) => `77_${2 * at}`));
    expect(new Set(tasks.map(({ command }) => command))).toEqual(new Set([array.command]));
    expect(most).toBeLessThan(500);
  });
});
