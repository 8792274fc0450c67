import { createInterface } from 'node:readline';
import { EnclosedInstance } from './enclosed-instance.ts';
import { Instance } from './instance.ts';
import type { DaemonCommand, KeeperMessage, KeeperRequest } from './protocol.ts';

// The process that owns the daemons. It is told what to start on stdin (protocol.ts), and takes everything down again
// at a signal, at the end of stdin, and when the start fails.

let instance: Instance | EnclosedInstance | undefined;
let stopping: Promise<void> | undefined;
/** Whether the clusters are to outlive their owner. */
let released = false;

function send(message: KeeperMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function fail(problem: unknown): void {
  process.exitCode = 1;
  send({ type: 'failed', problem: problem instanceof Error ? problem.message : String(problem) });
}

function stop(): Promise<void> {
  stopping ??= (async () => {
    try {
      await instance?.stop();
    } catch (error) {
      fail(error);
    }
    // A pipe is written at once, so nothing is lost; and a daemon that was started meanwhile ends with this process.
    process.exit();
  })();
  return stopping;
}

async function start(request: KeeperRequest): Promise<void> {
  const { release, ...options } = { ...request, onProgress: (line: string) => send({ type: 'progress', line }) };
  instance = release === undefined ? new Instance(options) : new EnclosedInstance({ ...options, release });
  try {
    send({ type: 'ready', ...(await instance.start()) });
    released = request.detached;
  } catch (error) {
    if (stopping === undefined) fail(error);
    await stop();
  }
}

async function command({ id, daemon, action, signal = 'SIGTERM' }: DaemonCommand): Promise<void> {
  try {
    const target = instance?.daemon(daemon);
    if (action === 'signal') await target?.signal(signal);
    else await target?.[action]();
    send({ type: 'done', id, problem: null });
  } catch (error) {
    send({ type: 'done', id, problem: error instanceof Error ? error.message : String(error) });
  }
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  if (instance !== undefined) return void command(JSON.parse(line) as DaemonCommand);
  const request = JSON.parse(line) as KeeperRequest;
  void start(request);
});
lines.on('close', () => {
  if (!released) void stop();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop());
// Every daemon has ended by itself.
process.on('beforeExit', () => void stop());
process.on('uncaughtException', (error) => {
  fail(error);
  void stop();
});
// The owner is gone, and nobody reads any more. What to do about that, the end of stdin decides.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
