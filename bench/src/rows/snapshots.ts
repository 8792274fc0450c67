import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Job } from '@slurmql/server/src/domain/job.ts';
import { aJob, NO_RESOURCES } from '@slurmql/server/src/domain/testing.ts';
import { Journal } from '@slurmql/server/src/events/index.ts';
import { diffSnapshot } from '@slurmql/server/src/poller/observe.ts';
import { FIELD_END, parseQueue, ROW_END } from '@slurmql/server/src/slurm/parse/queue.ts';
import { Store } from '@slurmql/server/src/store/index.ts';
import type { Benchmark } from '../benchmark.ts';
import { watched } from '../event-loop.ts';
import { median } from '../statistics.ts';

const TASKS = 10_000;
const ROUNDS = 5;

/** All tasks of an array begin at once, and end at once. */
export const benchmark: Benchmark = {
  about: `squeue's answer in which all ${TASKS.toLocaleString('en')} tasks of an array change`,
  async run({ stack }) {
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-snapshots-'));
    stack.defer(() => rm(directory, { recursive: true }));
    const store = await Store.open(join(directory, 'slurmql.db'));
    stack.defer(() => store.close());
    const journal = new Journal(store);
    await journal.start();
    const taken: number[] = [];
    const held: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const slurmJobId = String(5000 + round);
      const array = aJob({ slurmJobId, resources: { ...NO_RESOURCES, array: `0-${TASKS - 1}` } });
      const tasks = Array.from({ length: TASKS }, (_, arrayTaskId) =>
        aJob({
          slurmJobId: `${slurmJobId}_${arrayTaskId}`,
          slurmName: array.slurmName,
          arrayParentId: array.id,
          arrayTaskId,
        }),
      );
      await journal.write((writer) =>
        writer.create([array, ...tasks].map((job) => ({ job, idempotencyKey: null, submission: null }))),
      );
      for (const word of ['RUNNING', 'COMPLETED']) {
        const answer = answerOf(tasks, word);
        const { ms, heldMs } = await watched(() => take(journal, answer));
        taken.push(ms);
        held.push(heldMs);
      }
    }
    const limit = (figure: number) => ({ name: 'limit', kind: 'limit', figure }) as const;
    return [
      {
        work: 'read, compared and stored, p50',
        unit: 'ms',
        ours: median(taken),
        against: limit(200),
        goal: { atMost: 1 },
        samples: taken.length,
      },
      {
        work: 'event loop held meanwhile, p50 of the longest',
        unit: 'ms',
        ours: median(held),
        against: limit(50),
        goal: { atMost: 1 },
        samples: held.length,
      },
    ];
  },
};

/** As the poller does it. */
async function take(journal: Journal, answer: string): Promise<void> {
  const { observations } = parseQueue(answer);
  await nextTurn();
  const active = journal.active('alpha');
  const asked = [...active.values()].filter(({ arrayTaskId }) => arrayTaskId !== null);
  const { updates } = diffSnapshot(asked, observations, new Date());
  await nextTurn();
  await journal.write((writer) =>
    writer.change(
      updates.flatMap(({ jobId, apply }) => {
        const before = active.get(jobId);
        return before === undefined ? [] : [{ before, after: apply(before) }];
      }),
    ),
  );
}

function answerOf(tasks: readonly Job[], word: string): string {
  const now = Math.floor(Date.now() / 1000);
  const end = word === 'COMPLETED' ? String(now) : 'N/A';
  const rows = tasks.map(({ slurmJobId, slurmName, arrayTaskId }) => {
    const node = `gpu${(arrayTaskId ?? 0) % 100}`;
    const fields = [slurmJobId, word, '0:0', now - 100, end, 0, node, 'gpu', 'None', slurmName];
    return fields.map((field) => `${field}${FIELD_END}`).join('') + ROW_END;
  });
  return rows.join('\n');
}
