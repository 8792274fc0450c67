import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startLocalSlurm } from '@slurmql/local-slurm';
import { ServerProcess, until } from '@slurmql/server/testing';
import type { Benchmark } from '../benchmark.ts';
import { PRODUCT_OPTIONS } from '../product-options.ts';
import { median } from '../statistics.ts';

const SERVER = fileURLToPath(new URL('../../../server/', import.meta.url));
const STARTS = 7;
const IDLE_MS = 15_000;
const LIMIT_MS = 1000;
const LIMIT_MIB = 150;
const TOKEN = 'a-token-for-benchmarks-only';

export const benchmark: Benchmark = {
  about: 'from the command to the line that says it listens, and the memory that it uses when idle',
  async run({ stack, progress }) {
    await promisify(execFile)('npm', ['run', 'build'], { cwd: SERVER });
    const slurm = await startLocalSlurm({ onProgress: progress });
    stack.defer(() => slurm.stop());
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-bench-'));
    stack.defer(() => rm(directory, { recursive: true, force: true }));
    await writeFile(join(directory, 'clusters.yaml'), slurm.clustersYaml());

    const environment = { SLURMQL_TOKEN: TOKEN, NODE_OPTIONS: PRODUCT_OPTIONS.join(' ') };
    const startMs: number[] = [];
    const memoryMiB: number[] = [];
    // The first one makes the database.
    for (let count = 0; count <= STARTS; count += 1) {
      const begun = performance.now();
      const server = new ServerProcess(directory, environment, join(SERVER, 'dist/main.js'));
      const address = /http:\S+/.exec(await server.firstLine())?.[0];
      const tookMs = performance.now() - begun;
      if (address === undefined) throw new Error(`the server did not start: ${server.errors}`);
      if (count > 0) startMs.push(tookMs);
      if (count === STARTS) {
        await until(
          async () => clustersOf(address),
          (clusters) => clusters.every(({ status }) => status === 'ONLINE'),
        );
        for (let look = 0; look < 5; look += 1) {
          await pause(IDLE_MS / 5);
          memoryMiB.push(await residentMiB(server.pid));
        }
      }
      await server.stop('SIGTERM');
    }
    const limit = (figure: number) => ({ name: 'limit', kind: 'limit', figure }) as const;
    return [
      {
        work: 'start to listening, median',
        unit: 'ms',
        ours: median(startMs),
        against: limit(LIMIT_MS),
        goal: { atMost: 1 },
        samples: startMs.length,
      },
      {
        work: 'resident memory, two clusters online and nothing to do',
        unit: 'MiB',
        ours: median(memoryMiB),
        against: limit(LIMIT_MIB),
        goal: { atMost: 1 },
        samples: memoryMiB.length,
      },
    ];
  },
};

async function clustersOf(address: string): Promise<readonly { readonly status: string }[]> {
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ clusters { status } }' }),
  });
  const { data } = (await response.json()) as { data: { clusters: { status: string }[] } };
  return data.clusters;
}

/** proc_pid_status(5), VmRSS. */
async function residentMiB(pid: number): Promise<number> {
  const kilobytes = /^VmRSS:\s*(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}
