import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { TestRepository } from '@slurmql/server/testing';
import type { Benchmark, Row } from '../benchmark.ts';
import { Product } from '../product.ts';
import { median, percentile, timed } from '../statistics.ts';

const LARGE_JOBS = 50;
/** Compression makes it a quarter smaller. More would take longer than three minutes. */
const LARGE_FILES = 1_500;
const FILE_BYTES = 16 * 1024;
const ALONE = 20;
const BETWEEN_MS = 500;

/** What a small submission costs while many large ones are on their way. */
export const benchmark: Benchmark = {
  about: `a small submission, alone and beside ${LARGE_JOBS} of ${Math.round((LARGE_FILES * FILE_BYTES) / 1e6)} MB each`,
  async run(context) {
    const product = await Product.open(context);
    const files = Array.from({ length: LARGE_FILES }, (_, index) => {
      const text = randomBytes((FILE_BYTES / 4) * 3).toString('base64');
      return [`${index % 30}/${index}.txt`, text];
    });
    const repository = context.stack.use(await TestRepository.create(Object.fromEntries(files)));
    const projectId = await product.addProject('large', repository);
    /** Until Slurm has taken it, in seconds. */
    const small = async () => {
      const ms = await timed(async () => {
        const { slurmJobId } = await product.submit({ command: 'true', waitSeconds: 60 });
        if (slurmJobId === null) throw new Error('a small job was not taken within a minute');
      });
      await pause(BETWEEN_MS);
      return ms / 1000;
    };

    await small();
    const alone: number[] = [];
    while (alone.length < ALONE) alone.push(await small());

    let isOver = false;
    const begin = performance.now();
    const large = Promise.all(
      Array.from({ length: LARGE_JOBS }, () => product.submit({ projectId, command: 'true', waitSeconds: 0 })),
    )
      .then(() => product.untilCount('SUBMITTING', 0, 600_000))
      .finally(() => {
        isOver = true;
      });
    const beside: number[] = [];
    while (!isOver) beside.push(await small());
    await large;
    const seconds = Math.round((performance.now() - begin) / 1000);
    context.progress(`the large ones were taken within ${seconds} s, ${beside.length} small ones meanwhile`);

    const row = (word: string, figure: (values: readonly number[]) => number, atMost: number): Row => ({
      work: `a small submission beside ${LARGE_JOBS} large ones, ${word}`,
      unit: 's',
      ours: figure(beside),
      against: { name: `alone, ${word}`, kind: 'peer', figure: figure(alone) },
      // Processors and the line are shared; the turn is not.
      goal: { atMost },
      samples: beside.length,
    });
    return [row('p50', median, 3), row('p95', (values) => percentile(values, 0.95), 5)];
  },
};
