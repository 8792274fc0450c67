import { appendFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { follow, LogsServer } from '../logs-server.ts';
import { medianOfRuns, percentile } from '../statistics.ts';

const LOGS = 64;
const ROUNDS = 30;
const RUNS = 5;
const LINE_EVERY_MS = 1000;
const LIMIT_MS = 400;

/** How long a line takes from the cluster's disk to a client that follows many logs over one connection. */
export const benchmark: Benchmark = {
  about: '64 followed logs over one connection: from the write on the cluster to the text in the client',
  async run({ stack, progress }) {
    const { server, jobs } = await LogsServer.start(stack, LOGS);
    progress(`${LOGS} jobs run`);
    const latencies: number[] = [];
    let isMeasured = false;
    const following = jobs.map(async ({ id }) => {
      let rest = '';
      for await (const { text } of follow(server, id)) {
        const now = performance.now();
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        if (isMeasured) for (const line of lines) latencies.push(now - Number(line));
        if (lines.includes('end')) return;
      }
    });
    const writing = jobs.map(async ({ path }, index) => {
      // Spread over the second, as lines of jobs are.
      await pause((index / LOGS) * LINE_EVERY_MS);
      for (let round = 0; round < ROUNDS; round += 1) {
        await appendFile(path, `${performance.now()}\n`);
        await pause(LINE_EVERY_MS);
      }
    });
    await pause(3 * LINE_EVERY_MS);
    isMeasured = true;
    await Promise.all(writing);
    await pause(LINE_EVERY_MS);
    isMeasured = false;
    await Promise.all(jobs.map(({ path }) => appendFile(path, 'end\n')));
    await Promise.all(following);
    return [
      {
        work: `a line from the cluster to one of ${LOGS} followers, p95`,
        unit: 'ms',
        ours: medianOfRuns(latencies, RUNS, (run) => percentile(run, 0.95)),
        against: { name: 'limit', kind: 'limit', figure: LIMIT_MS },
        goal: { atMost: 1 },
        samples: latencies.length,
      },
    ];
  },
};
