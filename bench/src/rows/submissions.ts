import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { TestRepository } from '@slurmql/server/testing';
import type { Benchmark, Row } from '../benchmark.ts';
import { ControlMaster } from '../parts/control-master.ts';
import { Product } from '../product.ts';
import { median, percentile, timed } from '../statistics.ts';

const run = promisify(execFile);

const LARGE_JOBS = 50;
/** Compression makes it a quarter smaller. More would take longer than three minutes. */
const LARGE_FILES = 1_500;
const FILE_BYTES = 16 * 1024;
const ALONE = 20;
const BETWEEN_MS = 500;

/** What a small submission costs while many large ones are on their way, to us and to a person who does it by hand. */
export const benchmark: Benchmark = {
  about: `a small submission, ours and by hand, alone and beside ${LARGE_JOBS} of ${Math.round((LARGE_FILES * FILE_BYTES) / 1e6)} MB each`,
  async run(context) {
    const product = await Product.open(context);
    const files = Array.from({ length: LARGE_FILES }, (_, index) => {
      const text = randomBytes((FILE_BYTES / 4) * 3).toString('base64');
      return [`${index % 30}/${index}.txt`, text];
    });
    const repository = context.stack.use(await TestRepository.create(Object.fromEntries(files)));
    const projectId = await product.addProject('large', repository);
    const small = async () => {
      const { slurmJobId } = await product.submit({ command: 'true', waitSeconds: 60 });
      if (slurmJobId === null) throw new Error('a small job was not taken within a minute');
    };
    const ssh = context.stack.use(await ControlMaster.open(product.slurm.cluster('alpha')));
    const archive = await run('tar', ['-czf', '-', 'hello.sh'], { cwd: product.repository.path, encoding: 'buffer' });
    const byHand = async () => {
      const directory = `by-hand/${randomUUID()}`;
      const unpack = `mkdir -p ${directory} && cd ${directory} && tar -xzf -`;
      await ssh.run(`${unpack} && sbatch --partition=main --wrap=true`, archive.stdout);
    };
    /** One after the other; gives how long each took, in seconds. */
    const measure = async (count: number, isOver = () => false) => {
      const ours: number[] = [];
      const hand: number[] = [];
      while (ours.length < count && !isOver()) {
        ours.push((await timed(small)) / 1000);
        await pause(BETWEEN_MS);
        hand.push((await timed(byHand)) / 1000);
        await pause(BETWEEN_MS);
      }
      return { ours, hand };
    };

    await measure(1);
    const alone = await measure(ALONE);

    let isOver = false;
    const begin = performance.now();
    const large = Promise.all(
      Array.from({ length: LARGE_JOBS }, () => product.submit({ projectId, command: 'true', waitSeconds: 0 })),
    )
      .then(() => product.untilCount('SUBMITTING', 0, 600_000))
      .finally(() => {
        isOver = true;
      });
    const beside = await measure(Number.POSITIVE_INFINITY, () => isOver);
    await large;
    const seconds = Math.round((performance.now() - begin) / 1000);
    context.progress(`the large ones were taken within ${seconds} s, ${beside.ours.length} small ones meanwhile`);

    const p95 = (values: readonly number[]) => percentile(values, 0.95);
    /** Processors and the line are shared with the large ones, by hand too; the turn to submit is not. */
    const slowdown = (word: string, figure: typeof median): Row => ({
      work: `a small submission beside ${LARGE_JOBS} large ones, against alone, ${word}`,
      unit: 'times',
      ours: figure(beside.ours) / figure(alone.ours),
      against: {
        name: `tar and sbatch over a ControlMaster, ${word}`,
        kind: 'peer',
        figure: figure(beside.hand) / figure(alone.hand),
      },
      goal: { atMost: 1.5 },
      samples: beside.ours.length,
    });
    return [
      {
        work: 'a small submission alone, p50',
        unit: 's',
        ours: median(alone.ours),
        against: { name: 'tar and sbatch over a ControlMaster, p50', kind: 'peer', figure: median(alone.hand) },
        // By hand nothing is recorded, checked, or safe to repeat.
        goal: { atMost: 4 },
        samples: alone.ours.length,
      },
      slowdown('p50', median),
      slowdown('p95', p95),
    ];
  },
};
