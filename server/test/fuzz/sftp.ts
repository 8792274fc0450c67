import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import type { Connection } from 'ssh2';
import { SshConnection } from '../../src/ssh/connection.ts';
import { SshError } from '../../src/ssh/errors.ts';
import { letIn, startHostileSshd } from '../../src/ssh/hostile/testing.ts';
import type { SshSettings } from '../../src/ssh/settings.ts';
import { eventually, SshWorld } from '../../src/ssh/testing.ts';
import type { Fuzzed, Trial } from './fuzz.ts';
import { Answering, CONTENT, type Reply, reply } from './sftp-packets.ts';

/** For an operation: longer than an answer takes. */
const TIMEOUT_MS = 400;
/** Longer than it may take on a machine that does other things: then it hangs. */
const PATIENCE_MS = 30_000;
/** What may be held outside of the heap more than before, not collected yet. */
const MOST_HELD = 256 * 1024 * 1024;

interface Operation {
  readonly kind: 'stat' | 'isDirectory' | 'read' | 'write';
  readonly offset: number;
  readonly length: number;
}

interface Session {
  readonly operations: readonly Operation[];
  /** To the first word of the client. */
  readonly greeting: Reply;
  readonly replies: readonly Reply[];
  /** The lengths of the pieces in which all of it comes, again and again. */
  readonly pieces: readonly number[];
}

const right = { kind: 'right' } as const;
const session: fc.Arbitrary<Session> = fc.record({
  operations: fc.array(
    fc.record({
      kind: fc.constantFrom('stat', 'isDirectory', 'read', 'read', 'write'),
      offset: fc.constantFrom(0, 1, 9_999, 10_000, 2 ** 32),
      length: fc.constantFrom(0, 1, 5_000, 20_000, 300_000),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  greeting: fc.oneof({ weight: 12, arbitrary: fc.constant<Reply>(right) }, reply),
  replies: fc.array(reply, { maxLength: 8 }),
  pieces: fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(100_000)), { minLength: 1, maxLength: 3 }),
});

async function open(): Promise<Trial<Session>> {
  const world = await SshWorld.create();
  const uncaught = new Uncaught();
  try {
    let current: Session = { operations: [], greeting: right, replies: [], pieces: [1] };
    const hostile = await startHostileSshd(world, (client) => serve(client, () => current));
    const settings = await hostile.settings();
    const before = process.memoryUsage().external;
    return {
      inputs: session,
      check: async (input) => {
        current = input;
        await check(world, settings, input);
        // What the end of the connection has thrown is heard of behind it.
        await pause(1);
        if (uncaught.thrown.length > 0)
          throw new Error('nobody catches what is thrown', { cause: uncaught.thrown.pop() });
        const held = process.memoryUsage().external - before;
        if (held > MOST_HELD) throw new Error(`${held} bytes are held`);
      },
      [Symbol.asyncDispose]: async () => {
        await world.close();
        uncaught[Symbol.dispose]();
      },
    };
  } catch (cause) {
    await world.close();
    uncaught[Symbol.dispose]();
    throw cause;
  }
}

function serve(client: Connection, plan: () => Session): void {
  letIn(client);
  client.on('session', (accept) => {
    const asked = accept();
    asked.on('exec', (_grant, reject) => reject?.());
    asked.on('subsystem', (grant) => {
      const { greeting, replies, pieces } = plan();
      const answering = new Answering([greeting, ...replies]);
      const channel = grant();
      channel.on('error', () => {});
      channel.on('data', (bytes: Buffer) => {
        const answer = answering.answer(bytes);
        if (answer === null) channel.end();
        else for (const piece of piecesOf(answer, pieces)) channel.write(piece);
      });
    });
  });
}

function* piecesOf(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
    // Not more pieces than a busy machine sends in time.
    const length = Math.max(lengths[turn % lengths.length] ?? 1, Math.ceil(bytes.length / 200));
    yield bytes.subarray(start, start + length);
    start += length;
  }
}

/** What an operation is answered with; throws where that isn't possible. */
async function perform({ files }: SshConnection, { kind, offset, length }: Operation): Promise<Buffer | null> {
  const options = { timeoutMs: TIMEOUT_MS };
  switch (kind) {
    case 'stat': {
      const status = await files.stat('file', options);
      if (status === null) return null;
      const { sizeBytes, modifiedAt } = status;
      const isPossible = Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 && !Number.isNaN(modifiedAt.getTime());
      if (!isPossible) throw new Error(`it is said to have ${sizeBytes} bytes, of ${String(modifiedAt)}`);
      return null;
    }
    case 'isDirectory': {
      const told: unknown = await files.isDirectory('file', options);
      if (typeof told !== 'boolean') throw new Error(`whether it is a directory: ${String(told)}`);
      return null;
    }
    case 'read': {
      const bytes = await files.read('file', offset, length, options);
      if (bytes.length > length) throw new Error(`of ${length} bytes, ${bytes.length} are read`);
      return bytes;
    }
    case 'write':
      await files.write('file', Buffer.alloc(length), { ...options, mode: 0o600 });
      return null;
  }
}

/** On a machine that does other things, a connection may come too late. */
async function connected(world: SshWorld, settings: SshSettings, attempts = 3): Promise<SshConnection> {
  const timing = { silenceMs: 2 * TIMEOUT_MS, quickRetryMs: 20 };
  const connection = new SshConnection(settings, world.environment, { timing });
  connection.start();
  try {
    await eventually(() => connection.state.status !== 'connecting');
    if (connection.state.status === 'online') return connection;
    if (attempts === 1) throw new Error(`there is no connection: ${JSON.stringify(connection.state)}`);
  } catch (cause) {
    await connection.stop();
    throw cause;
  }
  await connection.stop();
  return connected(world, settings, attempts - 1);
}

/** Each operation comes to an end, with what can be or an error of this room's; what is right is read as it is. */
async function check(
  world: SshWorld,
  settings: SshSettings,
  { operations, greeting, replies }: Session,
): Promise<void> {
  const connection = await connected(world, settings);
  const isRight = [greeting, ...replies].every(({ kind }) => kind === 'right');
  try {
    const all = operations.map(async (operation) => {
      try {
        const read = await perform(connection, operation);
        if (!isRight || read === null) return;
        const { offset, length } = operation;
        if (!read.equals(CONTENT.subarray(offset, offset + length))) throw new Error('something else is read');
      } catch (cause) {
        if (!(cause instanceof SshError)) throw cause;
      }
    });
    const over = new AbortController();
    const late = pause(PATIENCE_MS, undefined, { signal: over.signal }).then(
      () => Promise.reject(new Error('it hangs')),
      () => {},
    );
    await Promise.race([Promise.all(all), late]);
    over.abort();
  } finally {
    await connection.stop();
  }
}

/** What is thrown where nobody catches it: it would end the server. */
class Uncaught implements Disposable {
  readonly thrown: unknown[] = [];
  readonly #note = (cause: unknown) => void this.thrown.push(cause);

  constructor() {
    process.on('uncaughtException', this.#note).on('unhandledRejection', this.#note);
  }

  [Symbol.dispose](): void {
    process.off('uncaughtException', this.#note).off('unhandledRejection', this.#note);
  }
}

export const SFTP: Fuzzed<Session> = { name: 'answers over SFTP', share: 20, batch: 10, open };
