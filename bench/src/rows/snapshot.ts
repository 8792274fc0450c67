import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { SYSTEM } from '@slurmql/server/src/domain/actor.ts';
import { aJob, NO_RESOURCES } from '@slurmql/server/src/domain/testing.ts';
import { Journal } from '@slurmql/server/src/events/index.ts';
import { Poller } from '@slurmql/server/src/poller/index.ts';
import { SlurmAdapter } from '@slurmql/server/src/slurm/adapter.ts';
import { queueEnds, RECORDED } from '@slurmql/server/src/slurm/parse/ends.ts';
import { endOf, QUEUE_FIELDS } from '@slurmql/server/src/slurm/parse/queue.ts';
import type { Runner } from '@slurmql/server/src/slurm/runner.ts';
import { asAsked } from '@slurmql/server/src/slurm/testing.ts';
import { Store } from '@slurmql/server/src/store/index.ts';
import type { Benchmark, Row } from '../benchmark.ts';
import { median } from '../statistics.ts';

const TASKS = 10_000;
const RUNS = 7;
const LIMIT_MS = 200;
const LIMIT_HELD_MS = 50;
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** A login that plays squeue's output for an array of running tasks, some of which are suspended. */
class PlayedQueue implements Runner {
  readonly #directory: string;
  #output = '';

  constructor(jobId: string) {
    this.#directory = `/home/ada/slurmql/jobs/${jobId}`;
    this.suspend(0);
  }

  /** The first so many tasks are suspended from now on, and no others. */
  suspend(count: number): void {
    const rows = Array.from({ length: TASKS }, (_, task) => {
      const row: Readonly<Record<(typeof QUEUE_FIELDS)[number], string>> = {
        JobArrayID: `8_${task}`,
        State: task < count ? 'SUSPENDED' : 'RUNNING',
        exit_code: '0',
        StartTime: '1795494426',
        EndTime: 'N/A',
        RestartCnt: '0',
        NodeList: `n${task % 64}`,
        Partition: 'main',
        Reason: 'None',
        'tres-alloc': 'cpu=4,mem=16G,node=1,billing=4,gres/gpu=1',
        TimeLimit: '1-00:00:00',
        Command: `${this.#directory}/job.sh`,
        WorkDir: this.#directory,
      };
      return `${QUEUE_FIELDS.map((field) => `${row[field]}${endOf(field, queueEnds(RECORDED))}`).join('')}\n`;
    });
    this.#output = rows.join('');
  }

  async run(script: string) {
    const sections: Readonly<Record<string, string>> = {
      clock: String(Math.round(Date.now() / 1000)),
      queue: this.#output,
    };
    const stdout = [...script.matchAll(/'begin (\S+) ([0-9a-f]{24})'/g)]
      .map(([, name = '', nonce]) => `\nbegin ${name} ${nonce}\n${sections[name]}\nend ${name} ${nonce} 0\n`)
      .join('');
    return { exitCode: 0, stdout: asAsked(script, stdout), stderr: '' };
  }
}

export const benchmark: Benchmark = {
  about: `a snapshot of ${TASKS} array tasks, read, compared with what is known and stored`,
  async run({ stack, progress }) {
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-bench-'));
    stack.defer(() => rm(directory, { recursive: true, force: true }));
    const store = await Store.open(join(directory, 'slurmql.db'));
    stack.defer(() => store.close());
    const journal = new Journal(store);
    await journal.start();

    const resources = { ...NO_RESOURCES, array: `0-${TASKS - 1}` };
    const array = aJob({ slurmJobId: '8', resources });
    const tasks = Array.from({ length: TASKS }, (_, task) =>
      aJob({ slurmJobId: `8_${task}`, resources, arrayParentId: array.id, arrayTaskId: task }),
    );
    await journal.write(SYSTEM, (writer) =>
      writer.create([array, ...tasks].map((job) => ({ job, idempotencyKey: null, submission: null }))),
    );

    const queue = new PlayedQueue(array.id);
    const settings = { name: 'alpha', host: 'login', workspace: '~/slurmql', gpuRequest: 'gres' } as const;
    const slurm = new SlurmAdapter(queue, { ...settings, pollIntervalSeconds: 3600, gpuCacheSeconds: 60 });
    let fault: Error | null = null;
    const poller = new Poller({
      ...{ clusterName: 'alpha', intervalSeconds: 3600, slurm, jobs: store.jobs, journal, log: SILENT },
      onAnswer: (cause) => {
        fault = cause;
      },
      onAccounting: () => undefined,
    });
    stack.defer(() => poller.stop());
    poller.connected();
    // From waiting to running: the largest change there is, and not measured.
    await poller.requeued();

    const measure = async (changed: number) => {
      queue.suspend(0);
      await poller.requeued();
      const figures = { took: [] as number[], held: [] as number[] };
      const processor: number[] = [];
      for (let run = 0; run < RUNS; run += 1) {
        const before = journal.newest;
        queue.suspend(run % 2 === 0 ? changed : 0);
        // What the last run left behind is not this one's.
        globalThis.gc?.();
        await pause(100);
        const delay = monitorEventLoopDelay({ resolution: 1 });
        delay.enable();
        // It counts from one of its own looks to the next, so there has to be a first one.
        await pause(10);
        const start = performance.now();
        const used = process.cpuUsage();
        await poller.requeued();
        figures.took.push(performance.now() - start);
        const { user, system } = process.cpuUsage(used);
        processor.push((user + system) / 1000);
        await pause(10);
        delay.disable();
        figures.held.push(delay.max / 1e6);
        if (fault !== null) throw fault;
        const events = journal.newest - before;
        if (events < changed || (changed === 0 && events > 0))
          throw new Error(`${events} events for ${changed} changes`);
      }
      const list = (values: readonly number[]) => values.map(Math.round).join(', ');
      progress(
        `${changed} changed: took ${list(figures.took)} ms, ${list(processor)} ms of processor time, ` +
          `held the loop for ${list(figures.held)} ms`,
      );
      return figures;
    };

    const rows: Row[] = [];
    for (const [what, changed] of [
      ['nothing changed', 0],
      ['100 changed', 100],
      ['all changed', TASKS],
    ] as const) {
      const { took, held } = await measure(changed);
      const row = (work: string, figures: readonly number[], limit: number): Row => ({
        work: `${work}, ${what}`,
        unit: 'ms',
        ours: median(figures),
        against: { name: 'limit', kind: 'limit', figure: limit },
        goal: { atMost: 1 },
        samples: figures.length,
      });
      rows.push(row(`a snapshot of ${TASKS.toLocaleString('en-US')} tasks`, took, LIMIT_MS));
      rows.push(row('longest hold of the event loop by it', held, LIMIT_HELD_MS));
    }
    return rows;
  },
};
