import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Store } from '@slurmql/server/src/store/index.ts';
import { TOKEN } from '@slurmql/server/stage';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Benchmark } from '../benchmark.ts';
import { Child } from '../parts/child.ts';
import { until } from '../parts/subscribers.ts';

const CLIENTS = 50;
const KILLS = 20;
const QUERY = 'subscription ($after: String) { jobEvents(after: $after) { cursor kind } }';

/** Whether anything is lost or told twice when the server is killed again and again while it writes. */
export const benchmark: Benchmark = {
  about: `kill -9 of the server, ${KILLS} times under a writing load, with ${CLIENTS} clients that resume`,
  async run({ stack, progress }) {
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-bench-'));
    stack.defer(() => rm(directory, { recursive: true, force: true }));
    const file = join(directory, 'slurmql.sqlite');
    let server = await Child.start('stage-server.ts', [file]);
    stack.defer(() => server[Symbol.asyncDispose]());
    let address = await server.ask<string>('address');
    const clients = Array.from({ length: CLIENTS }, () => new ResumingClient(() => address));
    for (let kill = 0; kill < KILLS; kill += 1) {
      // Its answer never comes.
      server.ask('write', { events: 1_000_000, together: 1 + (kill % 3) * 20 }).catch(() => undefined);
      await pause(300 + Math.random() * 700);
      await server.kill();
      server = await Child.start('stage-server.ts', [file]);
      address = await server.ask<string>('address');
    }
    const newest = await server.ask<number>('newest');
    await until(() => clients.every(({ sequences }) => sequences.at(-1) === newest), 'the newest event', 120_000);
    // While there is a server: a client that waits for one can't be stopped.
    for (const client of clients) await client.stop();
    await server[Symbol.asyncDispose]();
    const stored = await storedSequences(file);
    progress(`${stored.length} events were committed`);
    let lost = 0;
    let doubled = 0;
    for (const { sequences } of clients) {
      const told = new Set(sequences);
      doubled +=
        sequences.length - told.size + sequences.filter((one, index) => one < (sequences[index - 1] ?? 0)).length;
      lost += stored.filter((sequence) => !told.has(sequence)).length;
    }
    const row = (work: string, ours: number) => ({
      work,
      unit: 'events' as const,
      ours,
      against: { name: 'the store', kind: 'limit', figure: 0 } as const,
      goal: { atMost: 1 },
      samples: stored.length * CLIENTS,
    });
    return [
      row(`lost by ${CLIENTS} clients over ${KILLS} kills`, lost),
      row(`duplicated or out of order for ${CLIENTS} clients over ${KILLS} kills`, doubled),
    ];
  },
};

/** The reference client, which sends the same payload again when it reconnects: its variable is kept up to date. */
class ResumingClient {
  readonly sequences: number[] = [];
  readonly #client: ReturnType<typeof createClient>;

  constructor(address: () => string) {
    this.#client = createClient({
      url: () => `${address().replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${TOKEN}` },
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait: () => pause(50 + Math.random() * 100),
      shouldRetry: () => true,
    });
    const variables = { after: Buffer.from('event:0').toString('base64url') };
    this.#client.subscribe<{ jobEvents: { cursor: string } }>(
      { query: QUERY, variables },
      {
        next: ({ data }) => {
          const cursor = data?.jobEvents.cursor ?? '';
          variables.after = cursor;
          this.sequences.push(Number(Buffer.from(cursor, 'base64url').toString().split(':')[1]));
        },
        error: () => undefined,
        complete: () => undefined,
      },
    );
  }

  async stop(): Promise<void> {
    await this.#client.dispose();
  }
}

async function storedSequences(file: string): Promise<number[]> {
  const store = await Store.open(file);
  try {
    const sequences: number[] = [];
    for (;;) {
      const events = await store.events.after(sequences.at(-1) ?? 0, 5000);
      if (events.length === 0) return sequences;
      sequences.push(...events.map(({ sequence }) => sequence));
    }
  } finally {
    await store.close();
  }
}
