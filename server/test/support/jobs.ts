import { expect, inject } from 'vitest';
import { TestRepository } from './repository.ts';
import { TestServer, until } from './server.ts';

export interface JobData {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly slurmJobId: string | null;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly reason: string | null;
  readonly partition: string | null;
  readonly nodeList: string | null;
  readonly workDir: string | null;
  readonly script: string | null;
  readonly gitCommit: string | null;
  readonly hasUncommittedChanges: boolean;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly isStale: boolean;
}

export interface Chunk {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly text: string;
  readonly isReset: boolean;
  readonly isComplete: boolean;
}

export const JOB = `id name state slurmJobId exitCode signal reason partition nodeList workDir script gitCommit
  hasUncommittedChanges startedAt endedAt isStale`;
const SUBMIT = `mutation ($input: SubmitJobInput!) {
  submitJob(input: $input) { job { ${JOB} } userErrors { code message path } }
}`;
/** So long a job is waited for: longer than any takes, and shorter than a test may. */
const PATIENCE_MS = 200_000;
const STATUS = `subscription ($id: ID!) { jobStatus(id: $id) { ${JOB} } }`;
export const TAIL = `subscription ($id: ID!, $stream: LogStream, $after: SafeInt) {
  logTail(jobId: $id, stream: $stream, after: $after) { startOffset endOffset text isReset isComplete }
}`;

/** A server on both clusters with one project, and the few things that most tests do with it. */
export class Workbench implements AsyncDisposable {
  server: TestServer;
  readonly repository: TestRepository;
  readonly projectId: string;
  readonly #clustersYaml: string;

  private constructor(server: TestServer, repository: TestRepository, projectId: string, clustersYaml: string) {
    this.server = server;
    this.repository = repository;
    this.projectId = projectId;
    this.#clustersYaml = clustersYaml;
  }

  /** `prepare`: what has to be done before every cluster can be reached. `statuses`: what each of them has to reach. */
  static async open(
    clustersYaml: string = inject('clustersYaml'),
    prepare: (server: TestServer) => Promise<void> = async () => undefined,
    statuses: readonly string[] = ['ONLINE'],
  ): Promise<Workbench> {
    await using opening = new AsyncDisposableStack();
    const server = opening.use(await TestServer.start(clustersYaml));
    const repository = opening.use(await TestRepository.create({ 'hello.sh': 'echo "hello from $1"\n' }));
    const { addProject } = await server.query<{ addProject: { project: { id: string } } }>(
      'mutation ($path: String!) { addProject(input: { path: $path, name: "hello" }) { project { id } } }',
      { path: repository.path },
    );
    const workbench = new Workbench(server, repository, addProject.project.id, clustersYaml);
    await prepare(server);
    await workbench.online(statuses);
    opening.move();
    return workbench;
  }

  /** Resolves once every cluster is reached. */
  async online(statuses: readonly string[] = ['ONLINE']): Promise<void> {
    await until(
      () => this.server.query<{ clusters: { status: string }[] }>('{ clusters { name status statusMessage } }'),
      ({ clusters }) => clusters.every(({ status }) => statuses.includes(status)),
    );
  }

  /** Starts another server on the same data, at the same address. */
  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { port } = new URL(this.server.address);
    await this.server.stop(signal);
    this.server = await TestServer.start(this.#clustersYaml, this.server.directory, port);
  }

  /** Resolves once Slurm has answered, however busy the machine is, or after a minute. */
  async submit(input: Readonly<Record<string, unknown>>): Promise<JobData> {
    const { submitJob } = await this.server.query<{ submitJob: { job: JobData | null; userErrors: unknown[] } }>(
      SUBMIT,
      {
        input: { projectId: this.projectId, cluster: 'alpha', waitSeconds: 60, ...input },
      },
    );
    expect(submitJob.userErrors).toEqual([]);
    if (submitJob.job === null) throw new Error('no job');
    return submitJob.job;
  }

  async job(id: string): Promise<JobData> {
    return (await this.server.query<{ job: JobData }>(`query ($id: ID!) { job(id: $id) { ${JOB} } }`, { id })).job;
  }

  /** Every state that a subscriber is told, until the stream completes. */
  async statesUntilEnd(id: string): Promise<JobData[]> {
    const states: JobData[] = [];
    for await (const { jobStatus } of this.#statuses(id)) states.push(jobStatus);
    return states;
  }

  async ended(id: string): Promise<JobData> {
    let last: JobData | undefined;
    for await (const job of this.#inTime(id)) last = job;
    if (last === undefined) throw new Error('the stream was empty');
    return last;
  }

  /** Resolves once a subscriber has been told this state. */
  async reaches(id: string, state: string): Promise<JobData> {
    const seen: string[] = [];
    for await (const job of this.#inTime(id)) {
      if (job.state === state) return job;
      seen.push(`${job.state} (${job.reason})`);
    }
    throw new Error(`The job ended without ever being ${state}: ${seen.join(', ')}`);
  }

  /** Throws what is known of the job and of its nodes when it takes too long. */
  async *#inTime(id: string): AsyncGenerator<JobData> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.#lookAround(id).then((seen) => late.reject(new Error(`Waited for too long: ${seen}`)), late.reject);
    }, PATIENCE_MS);
    const events = this.#statuses(id);
    try {
      for (;;) {
        const event = await Promise.race([events.next(), late.promise]);
        if (event.done === true) return;
        yield event.value.jobStatus;
      }
    } finally {
      clearTimeout(timer);
      // Not waited for: it ends with the next event, and a stuck job has none.
      void events.return(undefined);
    }
  }

  #statuses(id: string): AsyncGenerator<{ readonly jobStatus: JobData }> {
    return this.server.subscribe(STATUS, { id });
  }

  async #lookAround(id: string): Promise<string> {
    const query = `query ($id: ID!) {
      job(id: $id) { name state reason slurmJobId nodeList startedAt isStale evidence { source } }
      clusters { name status statusMessage nodes { name state reason } }
    }`;
    return JSON.stringify(await this.server.send(query, { id }));
  }

  async wholeLog(id: string, stream: 'STDOUT' | 'STDERR' = 'STDOUT'): Promise<string> {
    let text = '';
    for await (const { logTail } of this.server.subscribe<{ logTail: Chunk }>(TAIL, { id, stream }))
      text += logTail.text;
    return text;
  }

  async cancel(
    id: string,
  ): Promise<{ readonly job: JobData | null; readonly userErrors: readonly { code: string; message: string }[] }> {
    const mutation = `mutation ($id: ID!) { cancelJob(input: { id: $id }) { job { ${JOB} } userErrors { code message } } }`;
    return (
      await this.server.query<{ cancelJob: { job: JobData | null; userErrors: { code: string; message: string }[] } }>(
        mutation,
        { id },
      )
    ).cancelJob;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.repository[Symbol.asyncDispose]();
  }
}
