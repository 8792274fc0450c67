import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { TestRepository, TestServer, until } from '@slurmql/server/testing';
import type { Page } from 'playwright-core';
import { TestPage } from './browser.ts';

/** A cluster `alpha` that works, `dead` and `main` that don't, a server with one project, and a browser signed in to it. */
export class Dashboard implements AsyncDisposable {
  readonly slurm: LocalSlurm;
  readonly server: TestServer;
  readonly projectId: string;
  readonly opened: TestPage;
  readonly page: Page;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    slurm: LocalSlurm,
    server: TestServer,
    projectId: string,
    opened: TestPage,
    stack: AsyncDisposableStack,
  ) {
    this.slurm = slurm;
    this.server = server;
    this.projectId = projectId;
    this.opened = opened;
    this.page = opened.page;
    this.#stack = stack;
  }

  static async open(): Promise<Dashboard> {
    await using opening = new AsyncDisposableStack();
    const slurm = await startLocalSlurm({
      clusters: [
        {
          name: 'alpha',
          nodes: [{ name: 'n1', cpus: 64 }],
          partitions: [{ name: 'main', nodes: ['n1'] }],
          accounting: false,
        },
      ],
    });
    opening.defer(() => slurm.stop());
    const server = opening.use(await TestServer.start(clustersYaml(slurm)));
    const repository = opening.use(await TestRepository.create({ 'train.sh': 'echo hello\n' }));
    const { addProject } = await server.query<{ addProject: { project: { id: string } } }>(
      'mutation ($path: String!) { addProject(input: { path: $path, name: "vision" }) { project { id } } }',
      { path: repository.path },
    );
    await until(
      () => server.query<{ cluster: { status: string } }>('{ cluster(name: "alpha") { status } }'),
      ({ cluster }) => cluster.status === 'ONLINE',
    );
    const opened = opening.use(await TestPage.open());
    await opened.page.goto(`${server.address}/?token=${server.token}`);
    return new Dashboard(slurm, server, addProject.project.id, opened, opening.move());
  }

  /** What stands in the server's clusters.yaml. */
  get clustersYaml(): string {
    return clustersYaml(this.slurm);
  }

  /** Resolves to the job's id once Slurm has it. */
  async submit(name: string, input: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const { submitJob } = await this.server.query<{ submitJob: { job: { id: string } | null; userErrors: unknown[] } }>(
      'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } userErrors { message } } }',
      {
        input: {
          projectId: this.projectId,
          cluster: 'alpha',
          command: 'sleep 600',
          name,
          waitSeconds: 60,
          ...input,
        },
      },
    );
    if (submitJob.job === null) throw new Error(JSON.stringify(submitJob.userErrors));
    return submitJob.job.id;
  }

  /** The job's directory, once the job is over. */
  async directoryOfEnded(id: string): Promise<string> {
    const { job } = await until(
      () =>
        this.server.query<{ job: { isActive: boolean; workDir: string } }>(
          'query ($id: ID!) { job(id: $id) { isActive workDir } }',
          { id },
        ),
      ({ job: { isActive } }) => !isActive,
    );
    return job.workDir;
  }

  async openJob(id: string, search = ''): Promise<void> {
    await this.page.goto(`${this.server.address}/jobs/${encodeURIComponent(id)}${search}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function clustersYaml(slurm: LocalSlurm): string {
  const dead = '  dead: { host: 127.0.0.1, port: 1, help: Start the VPN }\n  main: { host: 127.0.0.1, port: 1 }\n';
  return `${slurm.clustersYaml({ poll_interval_seconds: 1 })}${dead}`;
}
