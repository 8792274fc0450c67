import { appendFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chunk, JobData, Workbench } from './jobs.ts';
import { Tail } from './tail.ts';

/** A job with this command is there from its start on, and over once the test makes the file `go`. */
export const WAIT = 'until [ -e ../go ]; do sleep 0.2; done';

/** A job that runs and writes nothing of its own, with its log for the test to write. */
export class LogWriter {
  readonly job: JobData;
  readonly path: string;
  readonly #bench: Workbench;

  private constructor(bench: Workbench, job: JobData) {
    this.#bench = bench;
    this.job = job;
    this.path = join(job.workDir ?? '', 'stdout.log');
  }

  static async start(bench: Workbench, command = WAIT, cluster = 'alpha'): Promise<LogWriter> {
    const { id } = await bench.submit({ command, cluster });
    await bench.reaches(id, 'RUNNING');
    return new LogWriter(bench, await bench.job(id));
  }

  tail(after = 0): Tail {
    return new Tail(this.#bench.server, { id: this.job.id, after });
  }

  async append(text: string | Buffer): Promise<void> {
    await appendFile(this.path, text);
  }

  /** Another file takes the log's place, at once. */
  async replace(text: string): Promise<void> {
    await writeFile(`${this.path}.new`, text);
    await rename(`${this.path}.new`, this.path);
  }

  async end(): Promise<void> {
    await writeFile(join(this.job.workDir ?? '', 'go'), '');
    await this.#bench.ended(this.job.id);
  }

  async page(offset: number, limit: number): Promise<Chunk> {
    const query = `query ($id: ID!, $offset: SafeInt, $limit: Int) {
      job(id: $id) { log(offset: $offset, limit: $limit) { startOffset endOffset text isReset isComplete } } }`;
    return (await this.#bench.server.query<{ job: { log: Chunk } }>(query, { id: this.job.id, offset, limit })).job.log;
  }

  /** The last lines, and why there are none. */
  async lastLines(lastLines: number, more: { readonly limit?: number; readonly offset?: number } = {}) {
    const query = `query ($id: ID!, $lastLines: Int, $limit: Int, $offset: SafeInt) {
      job(id: $id) { log(lastLines: $lastLines, limit: $limit, offset: $offset) { startOffset endOffset text } } }`;
    type Lines = { job: { log: Pick<Chunk, 'startOffset' | 'endOffset' | 'text'> | null } };
    const { data, errors } = await this.#bench.server.send<Lines>(query, { id: this.job.id, lastLines, ...more });
    return errors === undefined ? (data?.job.log ?? null) : errors;
  }
}
