import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark, Context, Row } from '../benchmark.ts';
import { Child } from '../parts/child.ts';
import { connectAll, Subscriber, until } from '../parts/subscribers.ts';
import { median } from '../statistics.ts';

const SUBSCRIBERS = 200;
const RUNS = 5;
/** As a snapshot of a large queue does it. */
const TOGETHER = 100;
/** Without a load, before memory is looked at: V8 gives back some eight seconds after it, in a few steps. */
const QUIET_MS = 20_000;
const STALLING_WITHIN_MS = 3_000;
/** Below the time in which a ping has to be answered. */
const STALL_MS = 8_000;
const MIB = 1024 * 1024;
const LIMIT_MIB = 100;
const LEFT_LIMIT_MIB = 50;

interface Scenario {
  readonly name: string;
  /** Some 240 bytes a message, or 1.2 KB. */
  readonly query: string;
  readonly events: number;
  /** How many read throughout. */
  readonly reading: number;
  /** The others stall one after the other, for a while each; otherwise they never read. */
  readonly isReadOn: boolean;
}

const SCENARIOS: readonly Scenario[] = [
  { name: '10 never read', query: subscriptionTo('name'), events: 20_000, reading: SUBSCRIBERS - 10, isReadOn: false },
  // What the kernel holds for each is less than what each is told: the rest is the server's.
  {
    name: '190 stall and read on',
    query: subscriptionTo(`name ${Array.from({ length: 20 }, (_, index) => `c${index}: command`).join(' ')}`),
    events: 10_000,
    reading: 10,
    isReadOn: true,
  },
];

function subscriptionTo(fields: string): string {
  return `subscription { jobEvents { cursor kind at job { id state reason ${fields} } } }`;
}

/** What a burst costs when some of those who are told have stopped reading. */
export const benchmark: Benchmark = {
  about: `thousands of events at once to ${SUBSCRIBERS} subscribers, of which 10 never read, or 190 stall for a while`,
  async run(context) {
    const rows: Row[] = [];
    for (const scenario of SCENARIOS) {
      const bursts: Burst[] = [];
      for (let run = 0; run < RUNS; run += 1) bursts.push(await burst(scenario, context));
      const row = (work: string, unit: Row['unit'], ours: number, limit: number): Row => ({
        work: `${work}; ${scenario.name}`,
        unit,
        ours,
        against: { name: limit === 0 ? 'none' : 'limit', kind: 'limit', figure: limit },
        goal: { atMost: 1 },
        samples: RUNS,
      });
      const faults = bursts.reduce((sum, burst) => sum + burst.faults, 0);
      const mebibytes = (of: (burst: Burst) => number) => Math.max(0, median(bursts.map(of)) / MIB);
      rows.push(
        row('readers that lost an event, or received one twice or out of order', 'subscribers', faults, 0),
        row(
          'peak growth of resident memory',
          'MiB',
          mebibytes(({ grown }) => grown),
          LIMIT_MIB,
        ),
        row(
          'growth of resident memory that remains afterwards',
          'MiB',
          mebibytes(({ left }) => left),
          LEFT_LIMIT_MIB,
        ),
      );
    }
    return rows;
  },
};

interface Burst {
  /** Subscribers that read and weren't told every event once and in order. */
  readonly faults: number;
  /** Bytes of resident memory more than before, with as many connected: at most, and once it is quiet again. */
  readonly grown: number;
  readonly left: number;
}

async function burst({ name, query, events, reading, isReadOn }: Scenario, { progress }: Context): Promise<Burst> {
  await using server = await Child.start('stage-server.ts');
  const address = await server.ask<string>('address');
  const subscribers = await connectAll(SUBSCRIBERS, () => Subscriber.connect(address, { query }));
  while (subscribers.some(({ received }) => received === 0)) {
    await server.ask('write', { events: 1, together: 1 });
    await pause(200);
  }
  const steady = subscribers.slice(0, reading);
  const stalling = subscribers.slice(reading);
  const told = isReadOn ? subscribers : steady;
  const tallies = told.map((subscriber) => new Tally(subscriber, events));
  await pause(QUIET_MS);

  const before = await residentBytes(server.pid, 'VmRSS');
  // The highest is counted anew from here on (proc_pid_clear_refs(5)).
  await writeFile(`/proc/${server.pid}/clear_refs`, '5');
  const start = performance.now();
  const stalls = stalling.map(async (subscriber, index) => {
    const { socket } = subscriber;
    if (isReadOn) await pause((index / stalling.length) * STALLING_WITHIN_MS);
    socket.pause();
    if (subscriber.received >= events) throw new Error('it has been told everything before it stalled');
    if (!isReadOn) return;
    await pause(STALL_MS);
    socket.resume();
  });
  const [newest] = await Promise.all([server.ask<number>('write', { events, together: TOGETHER }), ...stalls]);
  await until(() => told.every(({ received }) => received >= events), 'every event for everybody', 600_000);
  const tookMs = performance.now() - start;
  await pause(QUIET_MS);
  const left = (await residentBytes(server.pid, 'VmRSS')) - before;
  const grown = (await residentBytes(server.pid, 'VmHWM')) - before;
  for (const subscriber of subscribers) subscriber.close();
  const [most, rest] = [grown, left].map((bytes) => (bytes / MIB).toFixed(1));
  progress(`${name}: told after ${Math.round(tookMs)} ms, memory grew by ${most} MiB, ${rest} MiB are left`);
  return { faults: tallies.filter((tally) => !tally.isRight(newest)).length, grown, left };
}

/** Counts anew what a subscriber is told, and holds it against what it should be. */
class Tally {
  readonly #subscriber: Subscriber;
  readonly #expected: number;
  #last: number | null = null;
  #isInOrder = true;

  constructor(subscriber: Subscriber, expected: number) {
    this.#subscriber = subscriber;
    this.#expected = expected;
    subscriber.received = 0;
    subscriber.onMessage = (message) => {
      const sequence = sequenceOf(message);
      if (this.#last !== null && sequence !== this.#last + 1) this.#isInOrder = false;
      this.#last = sequence;
    };
  }

  /** Every event once and in order, up to the newest. */
  isRight(newest: number): boolean {
    return this.#isInOrder && this.#subscriber.received === this.#expected && this.#last === newest;
  }
}

function sequenceOf(message: string): number {
  const cursor = /"cursor":"([^"]+)"/.exec(message)?.[1] ?? '';
  return Number(Buffer.from(cursor, 'base64url').toString().split(':')[1]);
}

/** Now, or at the highest. */
async function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`the system doesn't tell ${field}`);
  return Number(kilobytes) * 1024;
}
