import type { Benchmark, Context, Row } from '../benchmark.ts';
import { Child } from '../parts/child.ts';
import { connectAll, Subscriber, until } from '../parts/subscribers.ts';
import { median } from '../statistics.ts';

const SUBSCRIBERS = 2000;
const EVENTS = 20;
const RUNS = 5;
const DOCUMENTS = 50;

const FIELDS = 'id name state reason slurmJobId attempt submittedAt startedAt partition nodeList';
const documentOf = (index: number) =>
  `subscription Jobs${index} ($filter: JobFilter) { jobEvents(filter: $filter) { cursor kind at job { ${FIELDS} } } }`;

/** What it costs to tell many at once. */
export const benchmark: Benchmark = {
  about: `${SUBSCRIBERS} subscribers on WebSockets, beside a broadcast of the same bytes`,
  async run(context) {
    const one = await ours(context, () => ({ query: documentOf(0) }));
    const many = await ours(context, (index) => ({
      query: documentOf(index % DOCUMENTS),
      variables: { filter: { submittedAfter: new Date((index % DOCUMENTS) * 1000).toISOString() } },
    }));
    const limit = await bare(context, one.message);
    const row = (work: string, figure: number, atMost: number): Row => ({
      work,
      unit: 'ms',
      ours: figure,
      against: { name: 'bare ws, broadcast of the same bytes', kind: 'limit', figure: limit },
      goal: { atMost },
      samples: RUNS,
    });
    return [
      row(`CPU of ${EVENTS} events to ${SUBSCRIBERS} subscribers of one document`, one.cpuMs, 2),
      row(`CPU of ${EVENTS} events to ${SUBSCRIBERS} subscribers of ${DOCUMENTS} documents and filters`, many.cpuMs, 6),
    ];
  },
};

async function ours(
  { progress }: Context,
  subscription: (index: number) => { query: string; variables?: object },
): Promise<{ cpuMs: number; message: string }> {
  await using server = await Child.start('stage-server.ts');
  const address = await server.ask<string>('address');
  const subscribers = await connectAll(SUBSCRIBERS, (index) => Subscriber.connect(address, subscription(index)));
  // Everybody is subscribed once everybody has been told something.
  while (subscribers.some(({ received }) => received === 0)) {
    await server.ask('write', { events: 1, together: 1 });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const figures: number[] = [];
  for (let run = 0; run < RUNS + 1; run += 1) {
    for (const subscriber of subscribers) subscriber.received = 0;
    const before = await server.usage();
    await server.ask('write', { events: EVENTS, together: 1 });
    await until(() => subscribers.every(({ received }) => received >= EVENTS), 'an event for everybody');
    const { cpuMs } = await server.usage();
    // The first one warms up.
    if (run > 0) figures.push(cpuMs - before.cpuMs);
    if (subscribers.some(({ received }) => received > EVENTS)) throw new Error('An event came twice');
  }
  progress(`ours: ${figures.map(Math.round).join(', ')} ms`);
  for (const subscriber of subscribers) subscriber.close();
  return { cpuMs: median(figures), message: subscribers[0]?.last ?? '' };
}

async function bare({ progress }: Context, message: string): Promise<number> {
  await using server = await Child.start('broadcast-server.ts');
  const address = await server.ask<string>('address');
  const subscribers = await connectAll(SUBSCRIBERS, () => Subscriber.connect(address, null));
  const figures: number[] = [];
  for (let run = 0; run < RUNS + 1; run += 1) {
    for (const subscriber of subscribers) subscriber.received = 0;
    const before = await server.usage();
    await server.ask('broadcast', { message, times: EVENTS });
    await until(() => subscribers.every(({ received }) => received >= EVENTS), 'a message for everybody');
    const { cpuMs } = await server.usage();
    if (run > 0) figures.push(cpuMs - before.cpuMs);
  }
  progress(`bare ws: ${figures.map(Math.round).join(', ')} ms`);
  for (const subscriber of subscribers) subscriber.close();
  return median(figures);
}
