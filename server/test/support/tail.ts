import { type Chunk, TAIL } from './jobs.ts';
import { type TestServer, until } from './server.ts';

/** Follows a log as a client does and keeps what it is told. */
export class Tail {
  readonly chunks: Chunk[] = [];
  /** Resolves at the end of the stream; rejects when the server ends it with a fault. */
  readonly ended: Promise<void>;
  #text = '';

  constructor(server: TestServer, variables: { id: string; stream?: 'STDOUT' | 'STDERR'; after?: number }) {
    this.ended = this.#follow(server, variables);
    this.ended.catch(() => undefined);
  }

  async #follow(server: TestServer, variables: Readonly<Record<string, unknown>>): Promise<void> {
    for await (const { logTail } of server.subscribe<{ logTail: Chunk }>(TAIL, variables)) {
      this.chunks.push(logTail);
      this.#text = logTail.isReset ? logTail.text : this.#text + logTail.text;
    }
  }

  /** Since the beginning, or since the file was last found to be another one. */
  get text(): string {
    return this.#text;
  }

  get resets(): number {
    return this.chunks.filter(({ isReset }) => isReset).length;
  }

  /** Resolves once the text is this one. */
  async reads(text: string): Promise<void> {
    await until(
      async () => this.#text,
      (seen) => seen === text,
    );
  }

  /** Where bytes are missing or told twice; a reset begins anew. */
  get gaps(): readonly string[] {
    return this.chunks.flatMap(({ startOffset, isReset }, index) => {
      const expected = isReset ? 0 : (this.chunks[index - 1]?.endOffset ?? startOffset);
      return startOffset === expected ? [] : [`${expected} to ${startOffset}`];
    });
  }
}
