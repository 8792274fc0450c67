import { type LocalClusterOptions, type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { TestRepository, TestServer, until } from '@slurmql/server/testing';
import type { Context } from './benchmark.ts';

export interface SubmittedJob {
  readonly id: string;
  readonly slurmJobId: string | null;
}

/** A server on one real cluster, as a client of it has it. */
export class Product {
  readonly slurm: LocalSlurm;
  readonly server: TestServer;
  /** The files of every job that names no other project: one small script, `hello.sh`. */
  readonly repository: TestRepository;
  readonly #projectId: string;

  private constructor(slurm: LocalSlurm, server: TestServer, repository: TestRepository, projectId: string) {
    this.slurm = slurm;
    this.server = server;
    this.repository = repository;
    this.#projectId = projectId;
  }

  /**
   * With every setting at its default, and room for hundreds of jobs at once unless `layout` says otherwise. It ends with
   * the benchmark.
   */
  static async open({ stack, progress }: Context, layout: Partial<LocalClusterOptions> = {}): Promise<Product> {
    const slurm = await startLocalSlurm({
      clusters: [
        {
          name: 'alpha',
          nodes: ['n1', 'n2'].map((name) => ({ name, cpus: 128, memoryMb: 1_000_000 })),
          partitions: [{ name: 'main', nodes: ['n1', 'n2'] }],
          ...layout,
        },
      ],
      onProgress: progress,
    });
    stack.defer(() => slurm.stop());
    const server = stack.use(await TestServer.start(slurm.clustersYaml()));
    const repository = stack.use(await TestRepository.create({ 'hello.sh': 'echo hello\n' }));
    const projectId = await addProject(server, 'bench', repository);
    await until(
      () => server.query<{ clusters: { status: string }[] }>('{ clusters { status } }'),
      ({ clusters }) => clusters.every(({ status }) => status === 'ONLINE'),
    );
    return new Product(slurm, server, repository, projectId);
  }

  /** Gives the ids of jobs that run these commands, in their order; of each one's array, if `array` makes it one. */
  async submitAll(commands: readonly string[], array: string | null = null): Promise<readonly string[]> {
    const jobs = commands.map((command, index) => this.submit({ name: `bench-${index}`, command, array }));
    return (await Promise.all(jobs)).map(({ id }) => id);
  }

  /** `input`: besides the project and the cluster, which it may name as well. */
  async submit(input: Readonly<Record<string, unknown>>): Promise<SubmittedJob> {
    const { submitJob } = await this.server.query<{ submitJob: { job: SubmittedJob | null; userErrors: unknown } }>(
      'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id slurmJobId } userErrors { message } } }',
      { input: { projectId: this.#projectId, cluster: 'alpha', ...input } },
    );
    if (submitJob.job === null) throw new Error(JSON.stringify(submitJob.userErrors));
    return submitJob.job;
  }

  /** Gives the id of a further project, the files of a repository. */
  addProject(name: string, repository: TestRepository): Promise<string> {
    return addProject(this.server, name, repository);
  }

  /** Resolves once so many jobs are in the state. */
  async untilCount(state: string, count: number, timeoutMs = 300_000): Promise<void> {
    await until(
      () =>
        this.server.query<{ jobs: { totalCount: number } }>(
          'query ($states: [JobState!]) { jobs(filter: { states: $states }, first: 1) { totalCount } }',
          { states: [state] },
        ),
      ({ jobs }) => jobs.totalCount === count,
      timeoutMs,
    );
  }
}

async function addProject(server: TestServer, name: string, { path }: TestRepository): Promise<string> {
  const { addProject } = await server.query<{ addProject: { project: { id: string } } }>(
    'mutation ($input: AddProjectInput!) { addProject(input: $input) { project { id } } }',
    { input: { path, name } },
  );
  return addProject.project.id;
}
