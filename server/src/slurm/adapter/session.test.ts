import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlurmAdapter } from '../adapter.ts';

const LOST = 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n';

/** What a section says that tells nothing: lists of records say that they are whole. */
const nothing = (name = '') => (name.startsWith('markers-') || name.startsWith('claim-') ? 'whole' : '');

/** A Slurm whose sections are empty, with this on standard error. */
function slurmWithErrors(stderr: string): SlurmAdapter {
  return new SlurmAdapter(
    {
      run: async (script) => {
        const sections = [...script.matchAll(/'begin (\S+) (\w+)'/g)];
        const answers = sections.map(
          ([, name, nonce]) => `\nbegin ${name} ${nonce}\n${nothing(name)}\nend ${name} ${nonce} 0\n`,
        );
        return { exitCode: 0, stdout: answers.join(''), stderr };
      },
    },
    {
      ...{ name: 'alpha', host: 'login', workspace: '~/slurmql' },
      ...{ gpuRequest: 'gres', pollIntervalSeconds: 30, gpuCacheSeconds: 60 },
    },
  );
}

const places = Array.from({ length: 20 }, (_, index) => ({ workDir: `/w/jobs/${index}`, arrayTaskId: null }));

describe('what a login says beside its answer', () => {
  const test = RegExp.prototype.test;
  let tested = 0;
  beforeEach(() => {
    tested = 0;
    RegExp.prototype.test = function (text) {
      tested += 1;
      return test.call(this, text);
    };
  });
  afterEach(() => {
    RegExp.prototype.test = test;
  });

  it('is read once for all sections', async () => {
    const slurm = slurmWithErrors('a line of a banner\n'.repeat(1000));
    expect(await slurm.records.endMarkers(places)).toEqual(places.map(() => null));
    expect(tested).toBeLessThan(2 * 1000);
  });

  it.each([
    ['the queue', (slurm: SlurmAdapter) => slurm.queue.snapshot()],
    ['the accounts', (slurm: SlurmAdapter) => slurm.accounting.read(['7'])],
    ['markers', (slurm: SlurmAdapter) => slurm.records.endMarkers(places)],
  ])('is read in part where it is pages: %s', async (_what, ask) => {
    await ask(slurmWithErrors('\n'.repeat(1024 * 1024)));
    expect(tested).toBeLessThan(2 * 64 * 1024);
  });

  it.each([
    ['markers', (slurm: SlurmAdapter) => slurm.records.endMarkers(places)],
    ['claims', (slurm: SlurmAdapter) => slurm.records.claimers(places)],
  ])('is nothing to records, which no daemon of Slurm is asked for: %s', async (_what, ask) => {
    const stderr = 'sh: 1: cannot open /w/jobs/3/run/job.0.end: Connection timed out\n';
    expect(await ask(slurmWithErrors(stderr))).toEqual(places.map(() => null));
  });

  it.each([
    ['first', LOST + '\n'.repeat(200_000)],
    ['last', '\n'.repeat(200_000) + LOST],
  ])('tells of a lost answer among pages: %s', async (_where, stderr) => {
    await expect(slurmWithErrors(stderr).queue.snapshot()).rejects.toThrow();
    expect(await slurmWithErrors(stderr).accounting.read(['7'])).toMatchObject({ kind: 'unreadable' });
  });
});
