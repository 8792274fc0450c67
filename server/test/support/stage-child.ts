import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a test says of a job; the rest is that of any job. */
export interface StageJob {
  readonly name: string;
  readonly state: 'PENDING' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TIMEOUT' | 'LOST' | 'CANCELLING';
  readonly isArchived: boolean;
  readonly clusterName: string;
  readonly projectName: string | null;
  readonly command: string;
  readonly slurmJobId: string | null;
  readonly tags: readonly string[];
  readonly submittedAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  /** Of an array: its tasks, in the order in which they are recorded. */
  readonly tasks?: readonly { readonly arrayTaskId: number; readonly state: StageJob['state'] }[];
}

export type StageMessage =
  | { readonly kind: 'listening'; readonly address: string; readonly token: string }
  | { readonly kind: 'created' }
  | { readonly kind: 'failed'; readonly message: string };

/** The server on a real store and without a cluster, for tests that can't have its modules beside their own. */
export class StageChild implements AsyncDisposable {
  readonly address: string;
  readonly token: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, address: string, token: string) {
    this.#process = process;
    this.address = address;
    this.token = token;
  }

  /** `webDirectory`: the built dashboard; default: none. */
  static async start(webDirectory?: string): Promise<StageChild> {
    const file = fileURLToPath(new URL('stage-process.ts', import.meta.url));
    const child = fork(file, webDirectory === undefined ? [] : [webDirectory], {
      execArgv: [],
      serialization: 'advanced',
    });
    const message = await heard(child);
    if (message.kind !== 'listening') throw new Error('The stage did not start');
    return new StageChild(child, message.address, message.token);
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  async create(jobs: readonly StageJob[]): Promise<void> {
    const answer = heard(this.#process);
    this.#process.send([...jobs]);
    const message = await answer;
    if (message.kind === 'failed') throw new Error(message.message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }
}

async function heard(child: ChildProcess): Promise<StageMessage> {
  const listening = new AbortController();
  const { signal } = listening;
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error('The stage has ended');
  });
  ended.catch(() => undefined);
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal }), ended])) as [StageMessage];
    return message;
  } finally {
    listening.abort();
  }
}
