import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { Child } from '../parts/child.ts';
import { connectAll, Subscriber, until } from '../parts/subscribers.ts';
import { medianOfRuns, percentile } from '../statistics.ts';

const SUBSCRIBERS = 100;
const EVENTS = 300;
const RUNS = 5;
const QUERY = 'subscription { jobEvents { cursor kind job { id name state reason } } }';

/** How long a change takes from the store to those who watch. */
export const benchmark: Benchmark = {
  about: `a job's change from its commit to ${SUBSCRIBERS} clients`,
  async run() {
    await using server = await Child.start('stage-server.ts');
    const address = await server.ask<string>('address');
    const subscribers = await connectAll(SUBSCRIBERS, () => Subscriber.connect(address, { query: QUERY }));
    while (subscribers.some(({ received }) => received === 0)) {
      await server.ask('write', { events: 1, together: 1 });
      await pause(200);
    }
    const figures: number[] = [];
    for (const subscriber of subscribers) {
      subscriber.received = 0;
      subscriber.onMessage = (message) => {
        const now = Date.now();
        // The time at which the event's transaction began, so that the commit itself is part of the figure.
        figures.push(now - Number(/"reason":"(\d+) /.exec(message)?.[1]));
      };
    }
    for (let count = 0; count < EVENTS; count += 1) {
      await server.ask('write', { events: 1, together: 1 });
      await pause(5 + Math.random() * 30);
    }
    await until(() => subscribers.every(({ received }) => received >= EVENTS), 'an event for everybody');
    for (const subscriber of subscribers) subscriber.close();
    return [
      {
        work: `a job's change → message in ${SUBSCRIBERS} clients, its commit included, p99`,
        unit: 'ms',
        ours: medianOfRuns(figures, RUNS, (run) => percentile(run, 0.99)),
        against: { name: 'limit', kind: 'limit', figure: 25 },
        goal: { atMost: 1 },
        samples: figures.length,
      },
    ];
  },
};
