import { setTimeout as pause } from 'node:timers/promises';
import { until } from '@slurmql/server/testing';
import type { Benchmark } from '../benchmark.ts';
import { Product } from '../product.ts';

const ROUNDS = 3;
const SSHD_AWAY_MS = 5_000;
const SLURM_AWAY_MS = 60_000;

/** How soon the product is itself again once what it stands on is back. */
export const benchmark: Benchmark = {
  about:
    'after an outage of sshd and of slurmctld, at the default interval: how soon jobs are accepted and ends are shown',
  async run(context) {
    const product = await Product.open(context);
    const { server, slurm } = product;
    const job = async (id: string) =>
      (
        await server.query<{ job: { slurmJobId: string | null; isActive: boolean } }>(
          'query ($id: ID!) { job(id: $id) { slurmJobId isActive } }',
          { id },
        )
      ).job;
    /** Since `from`, in seconds. */
    const since = (from: number) => (performance.now() - from) / 1000;

    const submits: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      // A connection that has just been made isn't made again at once.
      await pause(35_000);
      await slurm.stopDaemon('alpha/sshd');
      await pause(SSHD_AWAY_MS);
      await slurm.startDaemon('alpha/sshd');
      const backAt = performance.now();
      const id = await firstTaken(() => product.submitAll(['true']));
      await until(
        () => job(id),
        ({ slurmJobId }) => slurmJobId !== null,
      );
      submits.push(since(backAt));
      context.progress(`sshd was away: ${submits.at(-1)?.toFixed(2)} s`);
    }

    const ends: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const [id = ''] = await product.submitAll(['sleep 8']);
      await product.untilCount('RUNNING', 1);
      await slurm.stopDaemon('alpha/slurmctld');
      await pause(SLURM_AWAY_MS);
      await slurm.startDaemon('alpha/slurmctld');
      const backAt = performance.now();
      await until(
        () => job(id),
        ({ isActive }) => !isActive,
      );
      ends.push(since(backAt));
      context.progress(`slurmctld was away: ${ends.at(-1)?.toFixed(2)} s`);
    }

    return [
      {
        work: 'sshd was away for 5 s: until a job submitted then is taken, worst',
        unit: 's',
        ours: Math.max(...submits),
        against: { name: 'limit', kind: 'limit', figure: 1 },
        goal: { atMost: 1 },
        samples: submits.length,
      },
      {
        work: 'slurmctld was away for a minute: until an end is shown, worst',
        unit: 's',
        ours: Math.max(...ends),
        against: { name: 'limit', kind: 'limit', figure: 10 },
        goal: { atMost: 1 },
        samples: ends.length,
      },
    ];
  },
};

/** A client that tries again until its job is taken; while there is no connection, it is told so. */
async function firstTaken(submit: () => Promise<readonly string[]>): Promise<string> {
  for (;;) {
    try {
      const [id = ''] = await submit();
      return id;
    } catch (cause) {
      if (!(cause instanceof Error && cause.message.includes("can't accept jobs now"))) throw cause;
      await pause(20);
    }
  }
}
