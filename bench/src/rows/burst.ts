import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark, Context, Row } from '../benchmark.ts';
import { Child } from '../parts/child.ts';
import { connectAll, Subscriber, until } from '../parts/subscribers.ts';
import { median } from '../statistics.ts';

const READING = 190;
const SILENT = 10;
const EVENTS = 20_000;
const RUNS = 5;
/** As a snapshot of a large queue does it. */
const TOGETHER = 100;
const MIB = 1024 * 1024;
const QUERY = 'subscription { jobEvents { cursor kind at job { id name state reason } } }';

/** What a burst costs when some of those who are told have stopped reading. */
export const benchmark: Benchmark = {
  about: `${EVENTS} events at once to ${READING + SILENT} subscribers, ${SILENT} of which never read`,
  async run(context) {
    const bursts: Burst[] = [];
    for (let run = 0; run < RUNS; run += 1) bursts.push(await burst(context));
    const row = (work: string, unit: Row['unit'], ours: number, limit: number): Row => ({
      work,
      unit,
      ours,
      against: { name: limit === 0 ? 'none' : 'limit', kind: 'limit', figure: limit },
      goal: { atMost: 1 },
      samples: RUNS,
    });
    const faults = bursts.reduce((sum, burst) => sum + burst.faults, 0);
    const mebibytes = (of: (burst: Burst) => number) => median(bursts.map(of)) / MIB;
    return [
      row('subscribers that lost an event, or got one twice or out of order', 'subscribers', faults, 0),
      row(
        'growth of resident memory, at its highest',
        'MiB',
        mebibytes(({ grown }) => grown),
        100,
      ),
      row(
        'growth of resident memory that is left afterwards',
        'MiB',
        mebibytes(({ left }) => left),
        50,
      ),
    ];
  },
};

interface Burst {
  /** Subscribers that weren't told every event once and in order. */
  readonly faults: number;
  /** Bytes of resident memory more than before: at most, and a while afterwards. */
  readonly grown: number;
  readonly left: number;
}

async function burst({ progress }: Context): Promise<Burst> {
  await using server = await Child.start('stage-server.ts');
  const address = await server.ask<string>('address');
  const subscribers = await connectAll(READING + SILENT, () => Subscriber.connect(address, { query: QUERY }));
  while (subscribers.some(({ received }) => received === 0)) {
    await server.ask('write', { events: 1, together: 1 });
    await pause(200);
  }
  const silent = subscribers.slice(READING);
  const reading = subscribers.slice(0, READING);
  for (const { socket } of silent) socket.pause();
  for (const subscriber of reading) subscriber.received = 0;
  const order = checkOrder(reading[0]);

  const before = await server.usage();
  let peak = before.residentBytes;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      peak = Math.max(peak, await residentBytes(server.pid));
      await pause(20);
    }
  })();
  const start = performance.now();
  const newest = await server.ask<number>('write', { events: EVENTS, together: TOGETHER });
  await until(() => reading.every(({ received }) => received >= EVENTS), 'every event for everybody', 600_000);
  const tookMs = performance.now() - start;
  isOver = true;
  await watching;
  const wrong = reading.filter(({ received, last }) => received !== EVENTS || sequenceOf(last) !== newest).length;
  await pause(3000);
  const after = await server.usage();
  for (const subscriber of subscribers) subscriber.close();
  const grown = peak - before.residentBytes;
  const left = Math.max(0, after.residentBytes - before.residentBytes);
  const [most, rest] = [grown, left].map((bytes) => (bytes / MIB).toFixed(1));
  progress(`everybody was told after ${Math.round(tookMs)} ms, memory grew by ${most} MiB, ${rest} MiB are left`);
  return { faults: wrong + order.faults, grown, left };
}

function sequenceOf(message: string): number {
  const cursor = /"cursor":"([^"]+)"/.exec(message)?.[1] ?? '';
  return Number(Buffer.from(cursor, 'base64url').toString().split(':')[1]);
}

function checkOrder(subscriber: Subscriber | undefined): { faults: number } {
  const result = { faults: 0 };
  let last = 0;
  if (subscriber !== undefined) {
    subscriber.onMessage = (message) => {
      const sequence = sequenceOf(message);
      if (last !== 0 && sequence !== last + 1) result.faults += 1;
      last = sequence;
    };
  }
  return result;
}

async function residentBytes(pid: number): Promise<number> {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
