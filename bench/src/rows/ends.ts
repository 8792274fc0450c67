import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Benchmark } from '../benchmark.ts';
import { Product } from '../product.ts';
import { percentile } from '../statistics.ts';

const JOBS = 40;
/** They end at random within this time, the first ones only when all have been submitted. */
const FIRST_SECONDS = 45;
const SPAN_SECONDS = 180;
const LIMIT_SECONDS = 2.5;

export const benchmark: Benchmark = {
  about: 'from the end of a batch script to a subscriber, at the default interval',
  async run(context) {
    const product = await Product.open(context);
    // The last thing that the payload does is to write down the time, in ms.
    const ids = await product.submitAll(
      Array.from({ length: JOBS }, () => {
        const seconds = (FIRST_SECONDS + Math.random() * SPAN_SECONDS).toFixed(3);
        return `sleep ${seconds}; date +%s%3N`;
      }),
    );
    context.progress(`${JOBS} jobs are submitted; the last one ends in about ${FIRST_SECONDS + SPAN_SECONDS} s`);
    const seconds = await Promise.all(
      ids.map(async (id) => {
        const query = 'subscription ($id: ID!) { jobStatus(id: $id) { state isActive workDir } }';
        for await (const { jobStatus } of product.server.subscribe<{ jobStatus: Told }>(query, { id })) {
          if (jobStatus.isActive) continue;
          const toldAt = Date.now();
          if (jobStatus.state !== 'COMPLETED') throw new Error(`a job ended as ${jobStatus.state}`);
          const endedAt = Number(await readFile(join(jobStatus.workDir ?? '', 'stdout.log'), 'utf8'));
          return (toldAt - endedAt) / 1000;
        }
        throw new Error('the stream ended before the job did');
      }),
    );
    return [
      {
        work: "a batch script's end, seen by a subscriber, p95",
        unit: 's',
        ours: percentile(seconds, 0.95),
        against: { name: 'limit', kind: 'limit', figure: LIMIT_SECONDS },
        goal: { atMost: 1 },
        samples: seconds.length,
      },
    ];
  },
};

interface Told {
  readonly state: string;
  readonly isActive: boolean;
  readonly workDir: string | null;
}
