import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import type { Benchmark, Row } from '../benchmark.ts';
import { requestsOf, resetRequests } from '../controller.ts';
import { Product } from '../product.ts';

const JOBS = 100;
const CLIENTS = 20;
const BUSY_MINUTES = 3;
const IDLE_MINUTES = 2;
/** Looks that follow a submission, and jobs that have just begun. */
const SETTLING_MS = 60_000;
const LIST = '{ jobs(first: 50) { totalCount nodes { id name state startedAt cluster { name status } } } }';

export const benchmark: Benchmark = {
  about: "the controller's load, with many jobs and clients and with none active",
  async run(context) {
    const product = await Product.open(context);
    const { slurm, server } = product;
    // Everything that the server does comes in the name of the cluster's user, and nothing else does.
    const requests = () => requestsOf(slurm, slurm.cluster('alpha').user);
    const count = async (minutes: number): Promise<number> => {
      await resetRequests(slurm);
      await pause(minutes * 60_000);
      return (await requests()) / minutes;
    };
    const ids = await product.submitAll(Array<string>(JOBS).fill('sleep 3600'));
    await product.untilCount('RUNNING', JOBS);
    if ((await requests()) < JOBS) throw new Error("sdiag's counts of the user's requests can't be read");

    // Half of them are told of every change, half look at the list again and again.
    const ending = new AbortController();
    context.stack.defer(() => ending.abort());
    const clients = Array.from({ length: CLIENTS }, (_, index) =>
      index % 2 === 0 ? subscriber(server, ending.signal) : looker(server, ending.signal),
    );
    // A client that fails is the benchmark's end, and said when everybody is asked to go.
    const gone = Promise.all(clients);
    gone.catch(() => undefined);
    await pause(SETTLING_MS);
    context.progress(`${JOBS} jobs run, ${CLIENTS} clients are there: counting for ${BUSY_MINUTES} minutes`);
    const busy = await count(BUSY_MINUTES);

    await server.query(
      'mutation ($ids: [ID!]!) { cancelJobs(input: { ids: $ids }) { results { userErrors { message } } } }',
      {
        ids,
      },
    );
    await product.untilCount('CANCELLED', JOBS);
    await pause(SETTLING_MS);
    context.progress(`no job is active: counting for ${IDLE_MINUTES} minutes`);
    const idle = await count(IDLE_MINUTES);
    ending.abort();
    await gone;

    const row = (work: string, ours: number, limit: number, samples: number): Row => ({
      work,
      unit: 'requests/min',
      ours,
      against: { name: 'limit', kind: 'limit', figure: limit },
      goal: { atMost: 1 },
      samples,
    });
    return [
      row(`controller requests, ${JOBS} active jobs and ${CLIENTS} clients`, busy, 4, BUSY_MINUTES),
      row(`controller requests, no active job and ${CLIENTS} clients`, idle, 0, IDLE_MINUTES),
    ];
  },
};

type Server = Product['server'];

/** A dashboard that is open: it follows jobs and clusters over a WebSocket of its own. */
async function subscriber({ address, token }: Server, signal: AbortSignal): Promise<void> {
  const client = createClient({
    url: `${address.replace('http', 'ws')}/graphql`,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  signal.addEventListener('abort', () => void client.dispose());
  const follow = async (query: string) => {
    for await (const { errors } of client.iterate({ query })) {
      if (errors !== undefined) throw new Error(JSON.stringify(errors));
    }
  };
  await Promise.all([
    follow('subscription { jobEvents { job { id state } } }'),
    follow('subscription { clusterStatus { name status } }'),
  ]);
}

/** A script or a notebook that asks for the list every few seconds. */
async function looker(server: Server, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await server.query(LIST).catch((cause: unknown) => {
      if (!signal.aborted) throw cause;
    });
    await pause(5000, undefined, { signal }).catch(() => undefined);
  }
}
