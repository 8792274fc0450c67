import { join } from 'node:path';
import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { TestRepository, TestServer, until } from '@slurmql/server/testing';

const SUBMIT = `mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } userErrors { message } } }`;
const TASKS = `query ($id: ID!) { job(id: $id) { tasks(first: 100) { nodes { id state workDir arrayTaskId } } } }`;

export interface LoggedJob {
  readonly id: string;
  /** The file of its standard output, on this machine. */
  readonly path: string;
}

/** A server on a real cluster, with jobs that run and write nothing: what their logs hold is up to the benchmark. */
export class LogsServer {
  readonly server: TestServer;
  readonly slurm: LocalSlurm;
  readonly jobs: readonly LoggedJob[];

  private constructor(server: TestServer, slurm: LocalSlurm, jobs: readonly LoggedJob[]) {
    this.server = server;
    this.slurm = slurm;
    this.jobs = jobs;
  }

  static async start(stack: AsyncDisposableStack, jobCount: number): Promise<LogsServer> {
    const slurm = await startLocalSlurm();
    stack.defer(() => slurm.stop());
    const server = stack.use(await TestServer.start(slurm.clustersYaml({ poll_interval_seconds: 5 })));
    const repository = stack.use(await TestRepository.create({ README: 'A project\n' }));
    const { addProject } = await server.query<{ addProject: { project: { id: string } } }>(
      'mutation ($path: String!) { addProject(input: { path: $path, name: "logs" }) { project { id } } }',
      { path: repository.path },
    );
    await until(
      () => server.query<{ cluster: { status: string } }>('{ cluster(name: "alpha") { status } }'),
      ({ cluster }) => cluster.status === 'ONLINE',
    );
    const input = { projectId: addProject.project.id, cluster: 'alpha', partition: 'cpu', array: `0-${jobCount - 1}` };
    const { submitJob } = await server.query<{ submitJob: { job: { id: string } | null; userErrors: unknown[] } }>(
      SUBMIT,
      { input: { ...input, command: 'sleep 3600' } },
    );
    if (submitJob.job === null) throw new Error(JSON.stringify(submitJob.userErrors));
    const { id } = submitJob.job;
    type Task = { id: string; state: string; workDir: string | null; arrayTaskId: number };
    const { job } = await until(
      () => server.query<{ job: { tasks: { nodes: Task[] } } }>(TASKS, { id }),
      ({ job: { tasks } }) => tasks.nodes.length === jobCount && tasks.nodes.every(({ state }) => state === 'RUNNING'),
      120_000,
    );
    const jobs = job.tasks.nodes.map((task) => ({
      id: task.id,
      path: join(task.workDir ?? '', `stdout-${task.arrayTaskId}.log`),
    }));
    return new LogsServer(server, slurm, jobs);
  }
}

export interface Chunk {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly text: string;
}

/** What a log's follower is told, over the server's one WebSocket connection. */
export async function* follow(server: TestServer, jobId: string): AsyncGenerator<Chunk> {
  const query = 'subscription ($id: ID!) { logTail(jobId: $id) { startOffset endOffset text isReset isComplete } }';
  for await (const { logTail } of server.subscribe<{ logTail: Chunk }>(query, { id: jobId })) yield logTail;
}
