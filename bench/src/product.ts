import { type LocalClusterOptions, type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { TestRepository, TestServer, until } from '@slurmql/server/testing';
import type { Context } from './benchmark.ts';

/** A server on one real cluster, as a client of it has it. */
export class Product {
  readonly slurm: LocalSlurm;
  readonly server: TestServer;
  readonly #projectId: string;

  private constructor(slurm: LocalSlurm, server: TestServer, projectId: string) {
    this.slurm = slurm;
    this.server = server;
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
    const { addProject } = await server.query<{ addProject: { project: { id: string } } }>(
      'mutation ($path: String!) { addProject(input: { path: $path, name: "bench" }) { project { id } } }',
      { path: repository.path },
    );
    await until(
      () => server.query<{ clusters: { status: string }[] }>('{ clusters { status } }'),
      ({ clusters }) => clusters.every(({ status }) => status === 'ONLINE'),
    );
    return new Product(slurm, server, addProject.project.id);
  }

  /** Gives the ids of jobs that run these commands, in their order; of each one's array, if `array` makes it one. */
  async submitAll(commands: readonly string[], array: string | null = null): Promise<readonly string[]> {
    return Promise.all(
      commands.map(async (command, index) => {
        const { submitJob } = await this.server.query<{
          submitJob: { job: { id: string } | null; userErrors: unknown };
        }>('mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } userErrors { message } } }', {
          input: { projectId: this.#projectId, cluster: 'alpha', name: `bench-${index}`, command, array },
        });
        if (submitJob.job === null) throw new Error(JSON.stringify(submitJob.userErrors));
        return submitJob.job.id;
      }),
    );
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
