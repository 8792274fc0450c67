import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { ClusterLogin } from '../support/cluster-login.ts';
import { TestRepository } from '../support/repository.ts';
import { TestServer, until } from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { type Fault, faultsOf } from './faults.ts';
import { type Plan, planJob } from './plan.ts';
import { Random } from './random.ts';
import { allNumbers, compare, type Difference, isOver, type JobSummary, readAccounts, type ToldJob } from './truth.ts';

export interface SoakOptions {
  readonly minutes: number;
  readonly jobs: number;
  readonly seed: number;
  /** What it does, line by line. */
  readonly log: (line: string) => void;
}

export interface SoakReport {
  readonly seed: number;
  readonly figures: Readonly<Record<string, number>>;
  readonly differences: readonly Difference[];
}

const CLUSTER_NAMES = ['alpha', 'beta'] as const;
/** Jobs leave Slurm's memory at once there, so that their ends have to be found elsewhere. */
const FORGETFUL = 'beta';
/** How long everything may take to heal and to end, once nothing is broken any more. */
const HEALING_MS = 5 * 60_000;
/** What is told may lag behind the accounts for so long, once everything has ended. */
const SETTLING_MS = 90_000;
const SUMMARY = 'id name slurmJobId arrayTaskId state exitCode signal attempt evidence { source word }';
const HISTORY = `query ($id: ID!) { job(id: $id) {
  ${SUMMARY}
  attempts { number outcome }
  events(first: 200) { nodes { kind fromState state } }
} }`;

/**
 * Jobs of many kinds on two real clusters, changed and broken at random: by requests through the API, by others on the
 * cluster, and by faults of everything in between. Then all faults end, and what the API tells of every job is held
 * against Slurm's accounting.
 */
export class Soak implements AsyncDisposable {
  readonly #options: SoakOptions;
  readonly #stack = new AsyncDisposableStack();
  readonly #slurm: LocalSlurm;
  readonly #proxies: ReadonlyMap<string, TcpProxy>;
  readonly #yaml: string;
  readonly #projectId: string;
  readonly #plans = new Map<string, Plan>();
  readonly #counts = new Map<string, number>();
  readonly #startedAt = Date.now();
  /** What servers wrote that are no more. */
  #serverLog = '';
  #server: TestServer;
  #isServerUp = true;

  private constructor(
    options: SoakOptions,
    parts: {
      readonly slurm: LocalSlurm;
      readonly proxies: ReadonlyMap<string, TcpProxy>;
      readonly yaml: string;
      readonly projectId: string;
      readonly server: TestServer;
      readonly stack: AsyncDisposableStack;
    },
  ) {
    this.#options = options;
    this.#slurm = parts.slurm;
    this.#proxies = parts.proxies;
    this.#yaml = parts.yaml;
    this.#projectId = parts.projectId;
    this.#server = parts.server;
    this.#stack.defer(() => parts.stack.disposeAsync());
    this.#stack.defer(() => this.#server[Symbol.asyncDispose]());
  }

  static async open(options: SoakOptions): Promise<Soak> {
    await using stack = new AsyncDisposableStack();
    const slurm = await startLocalSlurm({ clusters: CLUSTER_NAMES.map(layout), onProgress: options.log });
    stack.defer(() => slurm.stop());
    const proxies = new Map<string, TcpProxy>();
    const blocks: string[] = [];
    for (const name of CLUSTER_NAMES) {
      const cluster = slurm.cluster(name);
      const proxy = stack.use(await TcpProxy.start(cluster));
      proxies.set(name, proxy);
      const knownHosts = join(slurm.scratch, `known_hosts.${name}`);
      await (await ClusterLogin.open(cluster)).knownHostsFor(proxy.port, knownHosts);
      const { host, user, identityFile } = cluster;
      const settings = { host, port: proxy.port, user, identity_file: identityFile, known_hosts: knownHosts };
      blocks.push(`  ${name}: ${JSON.stringify({ ...settings, poll_interval_seconds: 5 })}\n`);
    }
    const yaml = `clusters:\n${blocks.join('')}`;
    const repository = stack.use(await TestRepository.create({ 'hello.sh': 'echo hello\n' }));
    const server = await TestServer.start(yaml);
    try {
      const { addProject } = await server.query<{ addProject: { project: { id: string } } }>(
        'mutation ($path: String!) { addProject(input: { path: $path, name: "soak" }) { project { id } } }',
        { path: repository.path },
      );
      const projectId = addProject.project.id;
      return new Soak(options, { slurm, proxies, yaml, projectId, server, stack: stack.move() });
    } catch (cause) {
      await server[Symbol.asyncDispose]();
      throw cause;
    }
  }

  async run(): Promise<SoakReport> {
    const { minutes, jobs, seed } = this.#options;
    this.#log(`seed ${seed}: ${jobs} jobs in ${minutes} minutes`);
    await this.#allOnline();
    const endsAt = Date.now() + minutes * 60_000;
    // Each has numbers of its own, so that what one does doesn't depend on how long another took.
    await Promise.all([
      this.#submitAll(new Random(seed), endsAt),
      this.#interfere(new Random(seed + 1), endsAt),
      this.#breakThings(new Random(seed + 2), endsAt),
    ]);
    const mendedAt = Date.now();
    await this.#allOnline();
    const healedAt = Date.now();
    this.#log('everything is mended, and both clusters are online');
    await this.#allOver();
    const overAt = Date.now();
    this.#log('every job is over');
    const differences = await this.#settledDifferences();
    const told = await this.#jobs();
    const sources = (source: string) => told.filter(({ evidence }) => evidence?.source === source).length;
    return {
      seed,
      differences,
      figures: {
        jobs: this.#plans.size,
        'jobs with tasks': told.length,
        attempts: told.reduce((sum, { attempt }) => sum + attempt, 0),
        ...Object.fromEntries([...this.#counts].sort()),
        'ends seen in squeue': sources('SQUEUE'),
        'ends seen in sacct': sources('SACCT'),
        'ends seen in markers': sources('MARKER'),
        'never taken by Slurm': sources('SBATCH'),
        'faults that servers logged': [...(this.#serverLog + this.#server.errors).matchAll(/"level":(?:50|60)\b/g)]
          .length,
        'seconds until healed': Math.round((healedAt - mendedAt) / 1000),
        'seconds until all were over': Math.round((overAt - mendedAt) / 1000),
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Within the first three quarters of the time, so that there is something left to break afterwards. */
  async #submitAll(random: Random, endsAt: number): Promise<void> {
    const { jobs, minutes } = this.#options;
    const first = Date.now();
    const spanMs = (endsAt - first) * 0.75;
    const submissions: Promise<void>[] = [];
    for (let index = 0; index < jobs; index += 1) {
      await pause(Math.max(0, first + (spanMs * index) / jobs - Date.now()));
      const plan = planJob(random, `soak-${index}`, minutes);
      this.#plans.set(plan.name, plan);
      submissions.push(this.#submit(plan));
    }
    await Promise.all(submissions);
    this.#log(`all ${jobs} jobs are submitted`);
  }

  /** As a script would that wants its job to run once, whatever happens: sent again under its key until it is taken. */
  async #submit(plan: Plan): Promise<void> {
    const deadline = Date.now() + HEALING_MS;
    for (;;) {
      const { submitJob } = await this.#insist<{
        submitJob: { job: unknown; userErrors: readonly { code: string; message: string }[] };
      }>(
        `mutation ($input: SubmitJobInput!) {
          submitJob(input: $input) { job { id } userErrors { code message } }
        }`,
        { input: { ...plan.input, projectId: this.#projectId } },
      );
      if (submitJob.job !== null) return;
      const [refusal] = submitJob.userErrors;
      if (refusal?.code !== 'CLUSTER_UNAVAILABLE' || Date.now() > deadline) {
        throw new Error(`${plan.name} was refused: ${refusal?.message}`);
      }
      await pause(1000);
    }
  }

  /** What people do to jobs, here and on the cluster. */
  async #interfere(random: Random, endsAt: number): Promise<void> {
    const everyMs = Math.max(300, (this.#options.minutes * 60_000) / (this.#options.jobs * 1.5));
    while (Date.now() < endsAt) {
      await pause(everyMs * 2 * random.next());
      // Drawn before anything is asked: an answer must not change what comes after it.
      const kind = random.pick([
        'cancel',
        'cancel',
        'hold',
        'hold',
        'release',
        'requeue',
        'requeue',
        'scancel',
        'scontrol',
      ]);
      const place = random.next();
      const isOver = kind === 'requeue' && random.chance(0.3);
      try {
        const jobs = (await this.#jobs(isOver ? '{ isActive: false, includeArrayTasks: true }' : undefined)).filter(
          (job) => isOver || fits(kind, job),
        );
        const job = jobs[Math.floor(place * Math.min(jobs.length, isOver ? 10 : jobs.length))];
        if (job === undefined) continue;
        this.#count(`requests to ${kind}`);
        this.#log(`${kind} ${job.name} ${job.slurmJobId}, which is ${job.state}: ${await this.#act(kind, job)}`);
      } catch (cause) {
        this.#log(`${kind}: ${said(cause)}`);
      }
    }
  }

  async #act(kind: string, job: JobSummary): Promise<string> {
    if (kind === 'scancel' || kind === 'scontrol') {
      // Somebody else, on the cluster.
      const cluster = this.#clusterOf(job);
      await this.#slurm.run(cluster, kind, [...(kind === 'scontrol' ? ['requeue'] : []), job.slurmJobId ?? '']);
      return 'done by somebody else';
    }
    const { payload } = await this.#server.query<{ payload: { userErrors: readonly { message: string }[] } }>(
      `mutation ($id: ID!) { payload: ${kind}Job(input: { id: $id }) { userErrors { message } } }`,
      { id: job.id },
    );
    return payload.userErrors[0]?.message ?? 'done';
  }

  /** One fault after the other, each of them once before any comes again. */
  async #breakThings(random: Random, endsAt: number): Promise<void> {
    const server = { kill: () => this.#killServer(), start: () => this.#startServer() };
    const faults = faultsOf({ slurm: this.#slurm, proxies: this.#proxies, server });
    // Short ones where there is little time: each of them is to have its turn.
    const longestMs = Math.min(30_000, (this.#options.minutes * 60_000) / faults.length / 1.2);
    let queue: Fault[] = [];
    while (Date.now() < endsAt - longestMs) {
      if (queue.length === 0) queue = random.shuffled(faults);
      const fault = queue.pop();
      await pause(longestMs * 0.2 * random.next());
      if (fault !== undefined) await this.#break(fault, longestMs * random.next());
    }
  }

  async #break(fault: Fault, lastsMs: number): Promise<void> {
    this.#count('faults');
    this.#log(`${fault.name}, for ${Math.round(lastsMs / 100) / 10} s`);
    await fault.begin();
    await pause(lastsMs);
    await fault.end();
    this.#log(`no longer: ${fault.name}`);
  }

  async #killServer(): Promise<void> {
    this.#isServerUp = false;
    await this.#server.stop('SIGKILL');
    this.#serverLog += this.#server.errors;
  }

  async #startServer(): Promise<void> {
    this.#server = await TestServer.start(this.#yaml, this.#server.directory);
    this.#isServerUp = true;
  }

  async #allOnline(): Promise<void> {
    await until(
      () => this.#insist<{ clusters: { status: string }[] }>('{ clusters { name status statusMessage } }'),
      ({ clusters }) => clusters.every(({ status }) => status === 'ONLINE'),
      HEALING_MS,
    );
  }

  /** Nobody interferes any more but to end what wouldn't by itself. */
  async #allOver(): Promise<void> {
    const deadline = Date.now() + HEALING_MS;
    for (let second = 0; ; second += 1) {
      const active = await this.#jobs('{ isActive: true, includeArrayTasks: true }');
      if (active.length === 0) return;
      const rest = active.map(({ name, slurmJobId, state }) => `${name} ${slurmJobId} ${state}`).join(', ');
      if (Date.now() > deadline) throw new Error(`Not over: ${rest}`);
      if (second % 10 === 9) this.#log(`still active: ${rest}`);
      for (const job of active) {
        // A job that was requeued while it was being cancelled is the cluster's to end: it has been told.
        const kind =
          job.state === 'HELD' ? 'release' : this.#isEndless(job) && job.state === 'RUNNING' ? 'cancel' : null;
        if (kind !== null)
          this.#log(`${kind} ${job.name} ${job.slurmJobId}: ${await this.#act(kind, job).catch(said)}`);
      }
      await pause(1000);
    }
  }

  #isEndless(job: JobSummary): boolean {
    return this.#planOf(job).exitCode(job.arrayTaskId) === null;
  }

  /** What differs for good: accounts come late, and what is told of earlier attempts comes after them. */
  async #settledDifferences(): Promise<readonly Difference[]> {
    const deadline = Date.now() + SETTLING_MS;
    for (;;) {
      const differences = await this.#differences();
      if (differences.length === 0 || Date.now() > deadline) return differences;
      await pause(5000);
    }
  }

  async #differences(): Promise<readonly Difference[]> {
    const differences: Difference[] = [];
    const jobs = Map.groupBy(await this.#jobs(), (job) => this.#clusterOf(job));
    for (const cluster of CLUSTER_NAMES) {
      const ofCluster = jobs.get(cluster) ?? [];
      const numbers = new Set(ofCluster.flatMap(({ slurmJobId }) => slurmJobId?.split('_')[0] ?? []));
      for (const stranger of await allNumbers(this.#slurm, cluster)) {
        if (!numbers.has(stranger)) {
          differences.push({ job: `${cluster} ${stranger}`, what: 'job', told: 'nothing', truth: 'there is one' });
        }
      }
      const accounts = Map.groupBy(
        await readAccounts(this.#slurm, cluster, [...numbers]),
        ({ slurmJobId }) => slurmJobId,
      );
      for (const job of ofCluster) {
        const plan = this.#planOf(job);
        // An array follows its tasks.
        if (plan.input['array'] !== undefined && job.arrayTaskId === null && job.slurmJobId !== null) continue;
        const rows = (job.slurmJobId === null ? null : accounts.get(job.slurmJobId)) ?? [];
        if (rows.length > 0 && !isOver(rows)) {
          const truth = rows.map(({ state }) => state).join(', ');
          differences.push({ job: `${job.name} ${job.slurmJobId}`, what: 'state', told: job.state, truth });
        } else {
          const told = (await this.#insist<{ job: ToldJob }>(HISTORY, { id: job.id })).job;
          differences.push(...compare(told, rows, plan.exitCode(job.arrayTaskId)));
        }
      }
    }
    return differences;
  }

  /** Every job and task, the newest first, as the public API tells of it. */
  async #jobs(filter = '{ includeArrayTasks: true }'): Promise<readonly JobSummary[]> {
    const told: JobSummary[] = [];
    let after: string | null = null;
    for (;;) {
      const page: JobsPage = await this.#insist<JobsPage>(
        `query ($after: String) {
          jobs(filter: ${filter}, first: 100, after: $after) {
            nodes { ${SUMMARY} }
            pageInfo { hasNextPage endCursor }
          }
        }`,
        { after },
      );
      told.push(...page.jobs.nodes);
      if (!page.jobs.pageInfo.hasNextPage) return told;
      after = page.jobs.pageInfo.endCursor;
    }
  }

  /** Asks until the server is there to answer. */
  async #insist<T>(query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<T> {
    const deadline = Date.now() + HEALING_MS;
    for (;;) {
      const server = this.#server;
      try {
        return await server.query<T>(query, variables);
      } catch (cause) {
        // Only while it is away, or has been meanwhile.
        if ((this.#isServerUp && server === this.#server) || Date.now() > deadline) throw cause;
        await pause(200);
      }
    }
  }

  #clusterOf(job: JobSummary): string {
    return String(this.#planOf(job).input['cluster']);
  }

  #planOf({ name }: JobSummary): Plan {
    const plan = this.#plans.get(name);
    if (plan === undefined) throw new Error(`nobody has submitted ${name}`);
    return plan;
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  #log(line: string): void {
    this.#options.log(`${((Date.now() - this.#startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  }
}

interface JobsPage {
  readonly jobs: {
    readonly nodes: readonly JobSummary[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

function layout(name: (typeof CLUSTER_NAMES)[number]) {
  return {
    name,
    nodes: [
      { name: `${name}1`, cpus: 24, memoryMb: 256_000 },
      { name: `${name}2`, cpus: 24, memoryMb: 256_000 },
    ],
    partitions: [{ name: 'main', nodes: [`${name}1`, `${name}2`] }],
    slurmConf: name === FORGETFUL ? ['MinJobAge=5'] : [],
  };
}

/** Whether a request makes sense for a job in its state; Slurm may see it otherwise by then. */
function fits(kind: string, { state, slurmJobId, arrayTaskId }: JobSummary): boolean {
  switch (kind) {
    case 'hold':
      return state === 'PENDING';
    case 'release':
      return state === 'HELD';
    case 'requeue':
      return state === 'RUNNING';
    case 'scontrol':
      return state === 'RUNNING' && slurmJobId !== null;
    case 'scancel':
      // Of a task that others cancel by itself while it waits, Slurm keeps no record that could be held against it.
      return slurmJobId !== null && (arrayTaskId === null || (state !== 'PENDING' && state !== 'HELD'));
    default:
      return true;
  }
}

function said(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
}
