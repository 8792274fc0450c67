import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TOKEN } from '@slurmql/server/stage';
import type { Benchmark, Row } from '../benchmark.ts';
import { Child } from '../parts/child.ts';
import type { Load, Loaded, Posted } from '../parts/load.ts';
import { plausibleJobs } from '../plausible-jobs.ts';
import { record } from '../recorded-jobs.ts';
import { median } from '../statistics.ts';

const SEED = 42;
const CONNECTIONS = 16;
const RUNS = 5;
const SECONDS = 3;
const WARM_UP_SECONDS = 2;
const EVENTS_PER_SECOND = 10;
/** So many that none is asked for again while its answer is kept. */
const PAGES = 2000;
const FIELDS = 'id name state isActive exitCode partition nodeList submittedAt startedAt endedAt';
const FIRST: Posted = { query: `{ jobs(first: 50) { nodes { ${FIELDS} } } }` };
const LATER = `query ($after: String) { jobs(first: 50, after: $after) { nodes { ${FIELDS} } } }`;
/** So far apart do the pages begin. */
const STEP = `query ($after: String) { jobs(first: 10, after: $after) { nodes { id } pageInfo { endCursor } } }`;

interface Side {
  readonly server: Child;
  readonly address: string;
  readonly pages: readonly Posted[];
}

/** Lists over HTTP, beside a GraphQL server that does nothing else, on the same file. */
export const benchmark: Benchmark = {
  about: `jobs(first: 50) with ten fields by ${CONNECTIONS} connections, beside Mercurius with its JIT on the same file`,
  async run({ stack, progress, jobs }) {
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-queries-'));
    stack.defer(() => rm(directory, { recursive: true, force: true }));
    const file = join(directory, 'slurmql.db');
    await record(file, plausibleJobs(jobs, SEED, new Date()), progress);
    const load = stack.use(await Child.start('load.ts'));
    const ours = await side(stack.use(await Child.start('stage-server.ts', [file])));
    const theirs = await side(stack.use(await Child.start('mercurius-server.ts', [file], [])));
    await compareAnswers(ours, theirs);

    const fire = ({ address }: Side, requests: readonly Posted[], seconds: number) =>
      load.ask<Loaded>('fire', { address, token: TOKEN, requests, connections: CONNECTIONS, seconds } satisfies Load);
    type Measured = Loaded & { readonly cpuMs: number };
    const measure = async (what: string, requestsOf: (side: Side) => readonly Posted[], isWritten = false) => {
      const figures = new Map<Side, Measured[]>([
        [ours, []],
        [theirs, []],
      ]);
      for (let run = 0; run <= RUNS; run += 1) {
        for (const [side, measured] of figures) {
          const before = await side.server.usage();
          const writing = isWritten ? keepWriting(side) : null;
          const loaded = await fire(side, requestsOf(side), run === 0 ? WARM_UP_SECONDS : SECONDS);
          await writing?.stop();
          const { cpuMs } = await side.server.usage();
          if (run > 0) measured.push({ ...loaded, cpuMs: (cpuMs - before.cpuMs) / loaded.requests });
        }
      }
      const [our = [], their = []] = figures.values();
      const list = (loaded: readonly Measured[]) =>
        loaded
          .map(
            ({ perSecond, p99Ms, cpuMs }) =>
              `${Math.round(perSecond)}/s, p99 ${p99Ms.toFixed(1)} ms, ${cpuMs.toFixed(2)} ms of processor time each`,
          )
          .join('; ');
      progress(`${what}:\n  ours ${list(our)}\n  Mercurius ${list(their)}`);
      const rate: Row = {
        work: `jobs(first: 50) of ${jobs.toLocaleString('en')}, ${what}`,
        unit: '/s',
        ours: median(our.map(({ perSecond }) => perSecond)),
        against: {
          name: 'Mercurius, JIT',
          kind: 'peer',
          figure: median(their.map(({ perSecond }) => perSecond)),
        },
        goal: { atLeast: 1 },
        samples: RUNS,
      };
      return { rate, p99Ms: median(our.map(({ p99Ms }) => p99Ms)) };
    };
    const identical = await measure('the same query', () => [FIRST]);
    const written = await measure(`the same query, ${EVENTS_PER_SECOND} events a second`, () => [FIRST], true);
    const different = await measure('another page each time', ({ pages }) => pages);
    const p99 = ({ rate, p99Ms }: typeof identical): Row => ({
      work: `${rate.work}, p99`,
      unit: 'ms',
      ours: p99Ms,
      against: { name: 'limit', kind: 'limit', figure: 15 },
      goal: { atMost: 1 },
      samples: RUNS,
    });
    return [identical.rate, p99(identical), written.rate, p99(written), different.rate];
  },
};

async function side(server: Child): Promise<Side> {
  const address = await server.ask<string>('address');
  const pages: Posted[] = [];
  for (let after: string | null = null; pages.length < PAGES; ) {
    pages.push({ query: LATER, variables: { after } });
    ({ endCursor: after } = (await ask(address, { query: STEP, variables: { after } })).jobs.pageInfo);
    if (after === null) throw new Error(`The list has only ${pages.length} pages: there have to be more jobs`);
  }
  return { server, address, pages };
}

interface Page {
  readonly jobs: { readonly nodes: readonly unknown[]; readonly pageInfo: { readonly endCursor: string | null } };
}

async function ask(address: string, request: Posted): Promise<Page> {
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  const { data, errors } = (await response.json()) as { data: Page; errors?: unknown };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

/** Both do the same work only if both say the same. */
async function compareAnswers(ours: Side, theirs: Side): Promise<void> {
  const [our, their] = await Promise.all(
    [ours, theirs].map(({ address, pages }) =>
      Promise.all([FIRST, ...pages.slice(-1)].map((request) => ask(address, request))),
    ),
  );
  if (JSON.stringify(our) !== JSON.stringify(their)) {
    throw new Error(`The answers differ: ${JSON.stringify(our)} and ${JSON.stringify(their)}`);
  }
}

function keepWriting({ server }: Side): { stop(): Promise<void> } {
  const ending = new AbortController();
  const running = (async () => {
    while (!ending.signal.aborted) {
      await server.ask('write', { events: 1, together: 1 });
      await pause(1000 / EVENTS_PER_SECOND);
    }
  })();
  running.catch(() => undefined);
  return {
    async stop() {
      ending.abort();
      await running;
    },
  };
}
