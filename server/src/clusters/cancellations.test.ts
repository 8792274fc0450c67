import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../domain/job.ts';
import { aJob } from '../domain/testing.ts';
import { SlurmAdapter } from '../slurm/index.ts';
import { LocalLogin, queueRow, SETTINGS } from '../slurm/testing.ts';
import { Cancellations } from './cancellations.ts';

const NOW = new Date();
const silent = () => undefined;

type Row = readonly [number: string, owner: string];

let login: LocalLogin;
let active: Job[];
let warnings: string[];
let cancellations: Cancellations;

beforeEach(async () => {
  login = await LocalLogin.create();
  active = [];
  warnings = [];
  cancellations = new Cancellations({
    clusterName: 'alpha',
    slurm: new SlurmAdapter(login, SETTINGS),
    journal: { active: () => new Map(active.map((job) => [job.id, job])) },
    log: { debug: silent, info: silent, error: silent, warn: () => void warnings.push('') },
  });
  for (const name of ['scancel', 'scontrol']) await login.command(name, `echo "${name} $*" >>"$HOME/calls"`);
  await shows([]);
});
afterEach(() => login[Symbol.asyncDispose]());

const calls = async () =>
  (await readFile(join(login.home, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean);

/** What squeue shows: numbers, and whose batch script each runs. */
async function shows(rows: readonly Row[]): Promise<void> {
  const printed = rows.map(([number, owner]) => {
    const directory = `/home/ada/slurmql/jobs/${owner}`;
    return queueRow({ JobArrayID: number, Command: `${directory}/job.sh`, WorkDir: directory });
  });
  await login.command('squeue', `cat <<'ROWS'\n${printed.join('')}ROWS`);
}

const cancelling = (parts: Partial<Job>) =>
  aJob({ state: 'CANCELLING', cancelRequestedAt: NOW, clusterName: 'alpha', ...parts });

describe('a request to cancel', () => {
  it('reaches a job that Slurm shows, however its number is written', async () => {
    const alone = cancelling({ slurmJobId: '17' });
    const array = cancelling({ slurmJobId: '18' });
    const task = cancelling({ slurmJobId: '18_3', arrayParentId: array.id });
    await shows([
      ['17', alone.id],
      ['18_[0-5]', array.id],
    ]);
    await cancellations.cancel([alone]);
    await cancellations.cancel([task]);
    await cancellations.cancel([array]);
    expect((await calls()).filter((line) => line.startsWith('scancel'))).toEqual([
      'scancel 17',
      'scancel 18_3',
      'scancel 18',
    ]);
    expect(cancellations.isOwed).toBe(false);
  });

  it('of a job that Slurm has only just taken is sent at once', async () => {
    await cancellations.cancelNew(cancelling({ slurmJobId: '17' }));
    expect(await calls()).toEqual(['scancel 17']);
    expect(cancellations.isOwed).toBe(false);
  });

  it.each<[string, (job: Job) => readonly Row[]]>([
    ['nothing', () => []],
    ['the job of somebody else', () => [['17', aJob().id]]],
    ['a job that no server of ours submitted', () => [['17', 'x']]],
    ['the tasks of another array', () => [['17_[0-9]', aJob().id]]],
    ['another number for the job', ({ id }) => [['170', id]]],
  ])('does not end what has its number when Slurm shows %s under it', async (_what, rows) => {
    const job = cancelling({ slurmJobId: '17' });
    active = [job];
    await shows(rows(job));
    await cancellations.repeat();
    await cancellations.cancel([job]);
    await cancellations.cancel([{ ...job, slurmJobId: '17_2' }]);
    expect(await calls()).toEqual([]);
    expect(cancellations.isOwed).toBe(true);
  });

  it('is sent once Slurm shows the job again, and then owed no more', async () => {
    const job = cancelling({ slurmJobId: '17' });
    active = [job];
    await cancellations.repeat();
    expect(cancellations.isOwed).toBe(true);
    await shows([['17', job.id]]);
    await cancellations.repeat();
    expect(await calls()).toEqual(['scancel 17']);
    expect(cancellations.isOwed).toBe(false);
  });

  it('of many jobs ends those that are there', async () => {
    const [here, gone] = [cancelling({ slurmJobId: '17' }), cancelling({ slurmJobId: '18' })];
    await shows([
      ['17', here.id],
      ['18', aJob().id],
    ]);
    await cancellations.cancel([here, gone]);
    expect(await calls()).toEqual(['scancel 17']);
  });

  describe('beside many others', () => {
    const MANY = 200;
    let jobs: Job[];
    /** Goes on with a look at the queue that waits. */
    const goOn = () => login.run('touch go');
    const looks = async () => (await calls()).filter((line) => line === 'squeue begins').length;

    beforeEach(async () => {
      jobs = Array.from({ length: MANY }, (_, index) => cancelling({ slurmJobId: `${100 + index}` }));
      active = jobs;
      await shows(jobs.map(({ slurmJobId, id }): Row => [slurmJobId ?? '', id]));
      const rows = await readFile(join(login.bin, 'squeue'), 'utf8');
      await login.command(
        'squeue',
        `echo "squeue begins" >>"$HOME/calls"; until [ -e "$HOME/go" ]; do sleep 0.02; done\n${rows.replace(/^#!.*\n/, '')}\necho "squeue ends" >>"$HOME/calls"`,
      );
    });

    it.each<[string, (job: Job) => Promise<void>]>([
      ['of single jobs', (job) => cancellations.cancel([job])],
      ['of the same job', () => cancellations.cancel(jobs.slice(0, 1))],
      ['of several jobs each', (job) => cancellations.cancel([job, ...jobs.slice(0, 3)])],
      ['of all that are recorded', () => cancellations.repeat()],
      ['of both kinds', (job) => (job.id < (jobs[9]?.id ?? '') ? cancellations.repeat() : cancellations.cancel([job]))],
    ])('shares a look and a command: %s', async (_what, request) => {
      const first = cancellations.cancel(jobs.slice(0, 1));
      await expect.poll(looks).toBeGreaterThan(0);
      const single = await looks();
      const rest = jobs.slice(1).map(request);
      await goOn();
      await Promise.all([first, ...rest]);
      const said = await calls();
      // The first one's look, and one for all that came during it.
      expect(await looks()).toBeLessThanOrEqual(4 * single);
      expect(said.filter((line) => line.startsWith('scancel'))).toHaveLength(2);
      const begins = said.filter((line) => line.startsWith('squeue'));
      expect(begins.filter((line, index) => line !== (index % 2 === 0 ? 'squeue begins' : 'squeue ends'))).toEqual([]);
      expect(cancellations.isOwed).toBe(false);
    });

    it('is looked for with a look that began after it', async () => {
      const [first, late] = jobs.splice(0, 2);
      if (first === undefined || late === undefined) throw new Error('there are no jobs');
      const sent = [cancellations.cancel([first])];
      await expect.poll(looks).toBe(1);
      sent.push(cancellations.cancel([late]));
      await goOn();
      await Promise.all(sent);
      expect((await calls()).filter((line) => line.startsWith('scancel'))).toEqual([
        `scancel ${first.slurmJobId}`,
        `scancel ${late.slurmJobId}`,
      ]);
    });
  });

  it('is kept while the queue can not be read', async () => {
    await login.command('squeue', 'echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1');
    const job = cancelling({ slurmJobId: '17' });
    await cancellations.cancel([job]);
    expect(await calls()).toEqual([]);
    expect(cancellations.isOwed).toBe(true);
    expect(warnings).toHaveLength(1);
  });

  it("reaches a job whose row can't be read, and shows whose it is", async () => {
    const job = cancelling({ slurmJobId: '17' });
    await login.command(
      'squeue',
      `cat <<'ROWS'\n17\x1fRUNNING\x1ffields too few\x1drecorded/w/jobs/${job.id}/job.sh\x1drecorded/\x1erecorded\nROWS`,
    );
    await cancellations.cancel([job]);
    expect(await calls()).toEqual(['scancel 17']);
  });
});
