import { setTimeout as pause } from 'node:timers/promises';
import { startLocalSlurm } from '@slurmql/local-slurm';
import { TestRepository } from '../../support/repository.ts';
import { TestServer, until } from '../../support/server.ts';
import { Random } from '../random.ts';
import { BEHAVIOURS, type Target } from './behaviours.ts';
import { glance, type Held, INSPECTED, kindsOfFiles, look } from './look.ts';

/**
 * So many changes of jobs are kept in memory (events/journal.ts). They are there before the first look, as all is that
 * any load leaves: what grows from then on grows for good.
 */
const REMEMBERED_CHANGES = 6_200;
/** Looks are taken so often, without clients: what grows with them is told from what is kept from the beginning on. */
const ROUND_MINUTES = 10;
const GLANCE_MS = 30_000;
/** Clients that are given up for dead are cut by then, and V8 has given back what it does. */
const QUIET_MS = 90_000;
const ALLOWED_SHARE = 0.1;
/** What a single open file or timer more is in a number this small. */
const ALLOWED_COUNT = 3;

export interface Row {
  readonly what: string;
  /** At the first look, before the clients, and behind each round of them. */
  readonly figures: readonly number[];
  /** Not more than a tenth above what it was. */
  readonly isBack: boolean;
}

export interface ClientSoakReport {
  readonly rows: readonly Row[];
  /** How many clients of each behaviour there were. */
  readonly made: Readonly<Record<string, number>>;
}

/**
 * Clients of every manner on one server, with a job that writes and others that come and go: once all clients are gone,
 * the server holds no more than it did. Memory counts once its garbage is collected.
 */
export class ClientSoak implements AsyncDisposable {
  readonly #server: TestServer;
  readonly #target: Target;
  readonly #projectId: string;
  readonly #stack: AsyncDisposableStack;
  readonly #log: (line: string) => void;

  private constructor(
    server: TestServer,
    target: Target,
    projectId: string,
    stack: AsyncDisposableStack,
    log: (line: string) => void,
  ) {
    this.#server = server;
    this.#target = target;
    this.#projectId = projectId;
    this.#stack = stack;
    this.#log = log;
  }

  static async open(log: (line: string) => void): Promise<ClientSoak> {
    await using stack = new AsyncDisposableStack();
    const slurm = await startLocalSlurm({ onProgress: log });
    stack.defer(() => slurm.stop());
    const server = stack.use(await TestServer.start(slurm.clustersYaml(), undefined, '0', INSPECTED));
    const repository = stack.use(await TestRepository.create({ 'hello.sh': 'echo hello\n' }));
    const { addProject } = await server.query<{ addProject: { project: { id: string } } }>(
      'mutation ($path: String!) { addProject(input: { path: $path, name: "soak" }) { project { id } } }',
      { path: repository.path },
    );
    const projectId = addProject.project.id;
    await until(
      () => server.query<{ clusters: { status: string }[] }>('{ clusters { status } }'),
      ({ clusters }) => clusters.every(({ status }) => status === 'ONLINE'),
    );
    const writing = 'seq 1000000; while sleep 0.2; do seq 200; done';
    const jobId = await submit(server, projectId, writing);
    const { job } = await until(
      () =>
        server.query<{ job: { state: string; logUrl: string | null } }>(
          'query ($id: ID!) { job(id: $id) { state logUrl(stream: STDOUT) } }',
          { id: jobId },
        ),
      ({ job: { state, logUrl } }) => state === 'RUNNING' && logUrl !== null,
    );
    const target = { address: server.address, token: server.token, jobId, logPath: job.logUrl ?? '' };
    return new ClientSoak(server, target, projectId, stack.move(), log);
  }

  /**
   * `warmUpMinutes`: the same load before the first look. glibc keeps, in pieces, the memory of the most that there ever
   * was at once: with sixty clients it grows by a fifth in the first twenty minutes, and by a tenth in forty more.
   */
  async run(load: {
    readonly warmUpMinutes: number;
    readonly minutes: number;
    readonly clients: number;
    readonly seed: number;
  }): Promise<ClientSoakReport> {
    const random = new Random(load.seed);
    const made: Record<string, number> = {};
    await this.#load(random, { ...load, minutes: load.warmUpMinutes }, {});
    await this.#changeJobs();
    const looks = [await this.#look()];
    for (let left = load.minutes; left > 0; left -= ROUND_MINUTES) {
      await this.#load(random, { ...load, minutes: Math.min(left, ROUND_MINUTES) }, made);
      looks.push(await this.#look());
    }
    return { rows: rowsOf(looks), made };
  }

  /** Keeps so many clients busy, each with one behaviour after another, while small jobs come and go. */
  async #load(
    random: Random,
    { minutes, clients }: { readonly minutes: number; readonly clients: number },
    made: Record<string, number>,
  ): Promise<void> {
    const faults = new Map<string, number>();
    const end = Date.now() + minutes * 60_000;
    const client = async () => {
      while (Date.now() < end) {
        const [name, behave] = random.pick(Object.entries(BEHAVIOURS));
        made[name] = (made[name] ?? 0) + 1;
        await behave(this.#target, random).catch((cause: Error) => {
          faults.set(`${name}: ${cause.message}`, (faults.get(`${name}: ${cause.message}`) ?? 0) + 1);
        });
      }
    };
    const jobs = async () => {
      for (; Date.now() < end; await pause(5_000)) await submit(this.#server, this.#projectId, 'echo hello; sleep 1');
    };
    const glances = async () => {
      for (; Date.now() < end; await pause(GLANCE_MS)) this.#tell('glance', await glance(this.#server));
    };
    await Promise.all([jobs(), glances(), ...Array.from({ length: clients }, client)]);
    for (const [fault, count] of faults) this.#log(`${count} times: ${fault}`);
  }

  async #changeJobs(): Promise<void> {
    const { jobs } = await this.#server.query<{ jobs: { nodes: { id: string }[] } }>(
      '{ jobs(first: 20, filter: { isActive: false }) { nodes { id } } }',
    );
    const ids = jobs.nodes.map(({ id }) => id);
    if (ids.length === 0) throw new Error('No job has ended: warm up for longer');
    const names = ['archiveJobs', 'unarchiveJobs'];
    for (let changes = 0; changes < REMEMBERED_CHANGES; changes += ids.length) {
      const [name = '', other = ''] = names;
      await this.#server.query(
        `mutation ($ids: [ID!]!) { ${name}(input: { ids: $ids }) { results { userErrors { code } } } }`,
        { ids },
      );
      names.splice(0, 2, other, name);
    }
  }

  async #look(): Promise<Held> {
    await pause(QUIET_MS);
    const held = await look(this.#server);
    this.#tell('look', held);
    this.#tell('files', await kindsOfFiles(this.#server));
    return held;
  }

  #tell(what: string, figures: Held): void {
    this.#log(`${new Date().toISOString()} ${what} ${JSON.stringify(figures)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function rowsOf(looks: readonly Held[]): Row[] {
  return Object.keys(looks[0] ?? {}).map((what) => {
    const figures = looks.map((held) => held[what] ?? Number.NaN);
    const [before, after] = [figures[0] ?? Number.NaN, figures.at(-1) ?? Number.NaN];
    return { what, figures, isBack: after <= Math.max(before * (1 + ALLOWED_SHARE), before + ALLOWED_COUNT) };
  });
}

async function submit(server: TestServer, projectId: string, command: string): Promise<string> {
  const { submitJob } = await server.query<{ submitJob: { job: { id: string } | null; userErrors: unknown } }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } userErrors { message } } }',
    { input: { projectId, cluster: 'alpha', command } },
  );
  if (submitJob.job === null) throw new Error(JSON.stringify(submitJob.userErrors));
  return submitJob.job.id;
}
