import { describe, expect, inject, it } from 'vitest';
import { Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { told } from './support/told.ts';

// At this interval, whatever shows within a test was told by the jobs themselves.
const SELDOM = 3600;

describe.concurrent('a job', () => {
  it('shows its start and its end at once at a poll interval of an hour, with where they were seen', async () => {
    await using bench = await Workbench.open(
      inject('clustersYaml').replaceAll(/poll_interval_seconds: .*/g, `poll_interval_seconds: ${SELDOM}`),
    );
    // Longer than the looks that follow a submission.
    const job = await bench.submit({ command: 'sleep 27; exit 143' });
    expect((await told(bench, job.id)).evidence).toMatchObject({ source: 'SBATCH', word: null });
    await bench.reaches(job.id, 'RUNNING');
    const running = await told(bench, job.id);
    expect(running.evidence).toMatchObject({ source: 'SQUEUE', word: 'RUNNING' });
    expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 143, signal: null });
    expect(await told(bench, job.id)).toMatchObject({
      evidence: { source: 'SQUEUE', word: 'FAILED' },
      attempts: [{ number: 1, outcome: 'FAILED', startedAt: running.attempts[0]?.startedAt }],
    });
  });

  it('tells how an attempt ended that a requeue closed', async () => {
    await using bench = await Workbench.open();
    const job = await bench.submit({ command: '[ -n "$SLURM_RESTART_COUNT" ] || sleep 120' });
    await bench.reaches(job.id, 'RUNNING');
    const { requeueJob } = await bench.server.query<{ requeueJob: { userErrors: unknown[] } }>(
      'mutation ($id: ID!) { requeueJob(input: { id: $id }) { userErrors { message } } }',
      { id: job.id },
    );
    expect(requeueJob.userErrors).toEqual([]);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
    const { attempts } = await until(
      () => told(bench, job.id),
      (now) => now.attempts[0]?.outcome !== null,
    );
    expect(attempts).toMatchObject([
      { number: 1, outcome: expect.stringMatching(/^(?:REQUEUED|CANCELLED|PREEMPTED)/), endedAt: expect.any(String) },
      { number: 2, outcome: 'COMPLETED' },
    ]);
  });

  it('that was a waiting task, taken out of its array in a terminal, is cancelled though Slurm has no record of it', async () => {
    await using bench = await Workbench.open();
    const array = await bench.submit({ command: 'true', array: '1-4', extraOptions: ['--hold'] });
    await bench.reaches(array.id, 'HELD');
    await bench.ended((await bench.submit({ command: `scancel ${array.slurmJobId}_3` })).id);
    const tasks = async () => {
      const { job } = await bench.server.query<{
        job: { tasks: { nodes: { arrayTaskId: number; state: string; reason: string | null }[] } };
      }>('query ($id: ID!) { job(id: $id) { tasks(first: 4) { nodes { arrayTaskId state reason } } } }', {
        id: array.id,
      });
      return job.tasks.nodes;
    };
    const [, , third, ...others] = await until(tasks, (nodes) => nodes[2]?.state !== 'HELD', 300_000);
    expect(third).toMatchObject({
      arrayTaskId: 3,
      state: 'CANCELLED',
      reason: expect.stringContaining('before it began'),
    });
    expect(others.map(({ state }) => state)).toEqual(['HELD']);
    await bench.cancel(array.id);
    await until(tasks, (nodes) => nodes.every(({ state }) => state === 'CANCELLED'));
  });
});
