import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ensurePackages, type LocalSlurm } from '@slurmql/local-slurm';
import { until } from '@slurmql/server/testing';
import type { Benchmark, Context, Row } from '../benchmark.ts';
import { requestsOf, resetRequests } from '../controller.ts';
import { Child } from '../parts/child.ts';
import type { Got, Load, Loaded, Posted } from '../parts/load.ts';
import { Product } from '../product.ts';
import { median } from '../statistics.ts';

const TASKS = 10_000;
const CONNECTIONS = 4;
const RUNS = 5;
const SECONDS = 4;
/** What follows a submission is over by then. */
const SETTLING_MS = 30_000;
const FIELDS = 'id name state isActive exitCode partition nodeList submittedAt startedAt endedAt';
const ARRAY: Posted = { query: `{ jobs(first: 50) { nodes { ${FIELDS} slurmJobId taskCounts { state count } } } }` };
const TASKS_A_PAGE = 500;
const PAGE = `query ($after: String) {
  jobs(first: ${TASKS_A_PAGE}, after: $after, filter: { includeArrayTasks: true }) {
    nodes { ${FIELDS} }
    pageInfo { endCursor }
  }
}`;
const THEIRS: Got = { path: '/slurm/v0.0.38/jobs' };
/** So many tasks are named to scontrol at once. */
const TASKS_A_COMMAND = 1000;
/** Not the cluster's user, so that the controller counts its requests by themselves. */
const THEIR_USER = 'nobody';

/** What many clients cost that look at the queue, beside Slurm's own way to ask for it over HTTP. */
export const benchmark: Benchmark = {
  about: `the queue with an array of ${TASKS} waiting tasks for ${CONNECTIONS} clients, beside slurmrestd`,
  async run(context) {
    const { stack, progress } = context;
    await ensurePackages(['slurmrestd'], { onProgress: progress });
    const product = await Product.open(context, {
      // A node that is down, so that all of them wait.
      nodes: [{ name: 'n1', cpus: 128, memoryMb: 1_000_000, state: 'DOWN' }],
      partitions: [{ name: 'main', nodes: ['n1'] }],
      slurmConf: [`MaxArraySize=${TASKS + 1}`, `MaxJobCount=${2 * TASKS}`],
    });
    const { slurm, server } = product;
    await product.submitAll(['sleep 60'], `0-${TASKS - 1}`);
    await until(
      () =>
        server.query<{ jobs: { totalCount: number } }>(
          '{ jobs(first: 1, filter: { includeArrayTasks: true, states: [PENDING] }) { totalCount } }',
        ),
      ({ jobs }) => jobs.totalCount === TASKS + 1,
      300_000,
    );
    const socket = await startSlurmrestd(slurm, context);
    const load = stack.use(await Child.start('load.ts', [], []));
    await pause(SETTLING_MS);

    const fire = async (requests: readonly (Posted | Got)[]) => {
      const isTheirs = requests.some((request) => 'path' in request);
      const target = isTheirs ? { address: `unix:${socket}` } : { address: server.address, token: server.token };
      const asked = { ...target, requests, connections: CONNECTIONS, seconds: SECONDS };
      return load.ask<Loaded>('fire', asked satisfies Load);
    };
    const asked = { ours: 0, theirs: 0 };
    const measure = async (ours: readonly Posted[]) => {
      const rates = { ours: [] as number[], theirs: [] as number[] };
      for (let run = 0; run <= RUNS; run += 1) {
        const [our, their] = [await fire(ours), await fire([THEIRS])];
        asked.ours += our.requests;
        asked.theirs += their.requests;
        if (run === 0) continue;
        rates.ours.push(our.perSecond);
        rates.theirs.push(their.perSecond);
      }
      return { ours: median(rates.ours), theirs: median(rates.theirs) };
    };
    await resetRequests(slurm);
    const startedAt = Date.now();
    const waiting = await measure([ARRAY]);
    await splitArray(slurm);
    await pause(SETTLING_MS);
    const list = await measure([ARRAY]);
    const pages = await taskPages(server);
    const everything = await measure(pages);
    const minutes = (Date.now() - startedAt) / 60_000;
    const ours = await requestsOf(slurm, slurm.cluster('alpha').user);
    const theirs = await requestsOf(slurm, THEIR_USER);
    progress(
      `the controller had ${ours} requests for ${asked.ours} of ours, and ${theirs} for ${asked.theirs} of slurmrestd's`,
    );
    if (theirs === 0) throw new Error("sdiag's counts of slurmrestd's requests can't be read");
    const row = (work: string, figures: typeof list, answer: string, atLeast: number, unit: Row['unit']): Row => ({
      work: `${work}, ${CONNECTIONS} clients`,
      unit,
      ours: figures.ours,
      against: { name: `slurmrestd, /jobs: ${answer}`, kind: 'peer', figure: figures.theirs },
      goal: { atLeast },
      samples: RUNS,
    });
    const rows = `${TASKS.toLocaleString('en')} rows`;
    const all = { ...everything, ours: everything.ours / pages.length };
    return [
      row(`an array of ${TASKS} tasks, none of which has begun`, waiting, 'one row', 1, '/s'),
      row(`an array of ${TASKS} tasks with its counts by state`, list, rows, 20, '/s'),
      row(`all of its tasks, in ${pages.length} pages`, all, rows, 1, '/s'),
      {
        work: `controller requests while these ${CONNECTIONS} clients asked ${asked.ours} times`,
        unit: 'requests/min',
        ours: ours / minutes,
        // As much as when nobody asks.
        against: { name: 'limit', kind: 'limit', figure: 4 },
        goal: { atMost: 1 },
        samples: asked.ours,
      },
    ];
  },
};

/** Has Slurm keep a record of its own for each task, as it does of those that run. */
async function splitArray(slurm: LocalSlurm): Promise<void> {
  const [number = ''] = (await slurm.run('alpha', 'squeue', ['--noheader', '--format=%F'])).trim().split('\n');
  for (let first = 0; first < TASKS; first += TASKS_A_COMMAND) {
    const tasks = Array.from({ length: TASKS_A_COMMAND }, (_, index) => `${number}_${first + index}`);
    await slurm.run('alpha', 'scontrol', ['update', `JobId=${tasks.join(',')}`, 'Nice=5']);
  }
  const records = (await slurm.run('alpha', 'scontrol', ['--oneliner', 'show', 'job'])).trim().split('\n').length;
  if (records !== TASKS) throw new Error(`Slurm holds ${records} records for ${TASKS} tasks`);
}

/** The requests for all tasks, page after page. */
async function taskPages(server: Product['server']): Promise<readonly Posted[]> {
  const pages: Posted[] = [];
  for (let after: string | null = null; ; ) {
    const variables: { readonly after: string | null } = { after };
    pages.push({ query: PAGE, variables });
    const { jobs } = await server.query<{
      jobs: { nodes: readonly unknown[]; pageInfo: { endCursor: string | null } };
    }>(PAGE, variables);
    if (jobs.nodes.length < TASKS_A_PAGE) return pages;
    after = jobs.pageInfo.endCursor;
  }
}

/** On a socket, where it lets root ask without more. Gives the socket's path; it ends with the benchmark. */
async function startSlurmrestd(slurm: LocalSlurm, { stack }: Context): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slurmql-slurmrestd-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  await slurm.run('alpha', 'chown', [THEIR_USER, directory]);
  const socket = join(directory, 'socket');
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'TERM', `--reuid=${THEIR_USER}`, '--regid=nogroup', '--clear-groups', '--'],
      ...['slurmrestd', '-a', 'rest_auth/local', '-s', 'openapi/v0.0.38', `unix:${socket}`],
    ],
    {
      env: { PATH: `${process.env['PATH']}:/usr/sbin`, SLURM_CONF: slurm.cluster('alpha').slurmConf },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const closed = once(child, 'close');
  stack.defer(async () => {
    child.kill();
    await closed;
  });
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said = `${said}${data}`.slice(-2000);
  });
  await until(
    async () => child.exitCode !== null || (await accepts(socket)),
    (isOver) => isOver,
  );
  if (child.exitCode !== null) throw new Error(`slurmrestd has ended: ${said}`);
  return socket;
}

async function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
