import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { Child } from '../parts/child.ts';
import { connectAll, Subscriber, until } from '../parts/subscribers.ts';

const READING = 190;
const SILENT = 10;
const EVENTS = 20_000;
/** As a snapshot of a large queue does it. */
const TOGETHER = 100;
const MIB = 1024 * 1024;
const QUERY = 'subscription { jobEvents { cursor kind at job { id name state reason } } }';

/** What a burst costs when some of those who are told have stopped reading. */
export const benchmark: Benchmark = {
  about: `${EVENTS} events at once to ${READING + SILENT} subscribers, ${SILENT} of which never read`,
  async run({ progress }) {
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
    progress(`everybody was told after ${Math.round(performance.now() - start)} ms`);
    isOver = true;
    await watching;
    const wrong = reading.filter(({ received, last }) => received !== EVENTS || sequenceOf(last) !== newest).length;
    await pause(3000);
    const after = await server.usage();
    for (const subscriber of subscribers) subscriber.close();
    const limit = (name: string, figure: number) => ({ name, kind: 'limit', figure }) as const;
    return [
      {
        work: 'subscribers that lost an event, or got one twice or out of order',
        unit: 'subscribers',
        ours: wrong + order.faults,
        against: limit('none', 0),
        goal: { atMost: 1 },
        samples: READING,
      },
      {
        work: 'growth of resident memory, at its highest',
        unit: 'MiB',
        ours: (peak - before.residentBytes) / MIB,
        against: limit('limit', 100),
        goal: { atMost: 1 },
        samples: 1,
      },
      {
        work: 'growth of resident memory that is left afterwards',
        unit: 'MiB',
        ours: Math.max(0, after.residentBytes - before.residentBytes) / MIB,
        against: limit('limit', 50),
        goal: { atMost: 1 },
        samples: 1,
      },
    ];
  },
};

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
