import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TOKEN } from '@slurmql/server/stage';
import type { Benchmark, Row } from '../benchmark.ts';
import { Child } from '../parts/child.ts';
import type { Load, Loaded, Posted } from '../parts/load.ts';
import { connectAll, Subscriber, until } from '../parts/subscribers.ts';
import { plausibleJobs } from '../plausible-jobs.ts';
import { record } from '../recorded-jobs.ts';
import { median, percentile } from '../statistics.ts';

const SEED = 7;
const JOBS = 20_000;
const SUBSCRIBERS = 50;
const RUNS = 5;
const SECONDS = 8;
const WARM_UP_SECONDS = 3;
const CONNECTIONS = 8;
const REQUESTS_PER_SECOND = 100;
const EVENTS_PER_SECOND = 20;
const LIST: Posted = {
  query: '{ jobs(first: 50) { nodes { id name state isActive exitCode partition submittedAt } } }',
};
const EVENTS = 'subscription { jobEvents { cursor kind job { id name state reason } } }';

interface Figures {
  readonly listMs: number;
  readonly changeMs: number;
}

/**
 * What honest clients notice of attacks: beside the same clients without any, on the same server, in turns. And while the
 * same is sent to another process that only reads it, which tells what the attackers themselves take of the machine.
 */
export const benchmark: Benchmark = {
  about: `lists and events of honest clients while others attack, with a credential and without`,
  async run({ stack, progress }) {
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-attacks-'));
    stack.defer(() => rm(directory, { recursive: true, force: true }));
    const file = join(directory, 'slurmql.db');
    await record(file, plausibleJobs(JOBS, SEED, new Date()), progress);
    const server = stack.use(await Child.start('stage-server.ts', [file]));
    const load = stack.use(await Child.start('load.ts', [], []));
    const attackers = stack.use(await Child.start('attackers.ts', [], []));
    const other = stack.use(await Child.start('accepting-server.ts', [], []));
    const address = await server.ask<string>('address');
    const otherAddress = await other.ask<string>('address');
    const subscribers = await connectAll(SUBSCRIBERS, () => Subscriber.connect(address, { query: EVENTS }));
    while (subscribers.some(({ received }) => received === 0)) {
      await server.ask('write', { events: 1, together: 1 });
      await pause(200);
    }

    let written = 0;
    let changes: number[] = [];
    for (const subscriber of subscribers) {
      subscriber.received = 0;
      subscriber.onMessage = (message) => changes.push(Date.now() - Number(/"reason":"(\d+) /.exec(message)?.[1]));
    }
    const measure = async (seconds: number): Promise<Figures> => {
      changes = [];
      const fired = load.ask<Loaded>('fire', {
        address,
        token: TOKEN,
        requests: [LIST],
        connections: CONNECTIONS,
        seconds,
        perSecond: REQUESTS_PER_SECOND,
      } satisfies Load);
      for (let count = 0; count < seconds * EVENTS_PER_SECOND; count += 1) {
        await server.ask('write', { events: 1, together: 1 });
        written += 1;
        await pause(1000 / EVENTS_PER_SECOND);
      }
      const { p99Ms } = await fired;
      await until(() => subscribers.every(({ received }) => received >= written), 'every event for everybody');
      return { listMs: p99Ms, changeMs: percentile(changes, 0.99) };
    };

    const measureAttacked = async (target: string) => {
      await attackers.ask('begin', { address, target });
      const figures = await measure(SECONDS);
      return { figures, made: await attackers.ask<Readonly<Record<string, number>>>('end') };
    };

    await measure(WARM_UP_SECONDS);
    const atRest: Figures[] = [];
    const attacked: Figures[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const rest = await measure(SECONDS);
      const elsewhere = await measureAttacked(otherAddress);
      const here = await measureAttacked(address);
      atRest.push(rest);
      attacked.push(here.figures);
      const figures = `at rest ${describe(rest)}; another attacked ${describe(elsewhere.figures)}`;
      progress(`${figures}; attacked ${describe(here.figures)} (${JSON.stringify(here.made)})`);
    }
    const faults = subscribers.filter(({ received }) => received !== written).length;
    for (const subscriber of subscribers) subscriber.close();
    const row = (work: string, of: (figures: Figures) => number): Row => ({
      work: `${work} while attacked, p99`,
      unit: 'ms',
      ours: median(attacked.map(of)),
      against: { name: 'at rest', kind: 'peer', figure: median(atRest.map(of)) },
      goal: { atMost: 3 },
      samples: RUNS,
    });
    return [
      row('jobs(first: 50)', ({ listMs }) => listMs),
      row(`a job's change → message in ${SUBSCRIBERS} clients`, ({ changeMs }) => changeMs),
      {
        work: 'subscribers that lost an event or received one twice while attacked',
        unit: 'subscribers',
        ours: faults,
        against: { name: 'none', kind: 'limit', figure: 0 },
        goal: { atMost: 1 },
        samples: written,
      },
    ];
  },
};

function describe({ listMs, changeMs }: Figures): string {
  return `list ${listMs.toFixed(1)} ms, change ${changeMs.toFixed(1)} ms`;
}
