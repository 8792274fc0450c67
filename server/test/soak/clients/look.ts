import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { descendants } from '@slurmql/local-slurm';
import { WebSocket } from 'ws';
import type { TestServer } from '../../support/server.ts';

/** Figures by what they are of. */
export type Held = Readonly<Record<string, number>>;

/** As `npm start` has it; and the server's Node opens its inspector, on a port of its own. */
export const INSPECTED = { NODE_OPTIONS: '--max-semi-space-size=8 --inspect=127.0.0.1:0' };

const MIB = 1024 ** 2;
/** What the server counts itself, each of which a client's end has to take back. */
const GAUGES = [
  'slurmql_connections',
  'slurmql_newcomers',
  'slurmql_websocket_connections',
  'slurmql_streams',
  'slurmql_shared_subscriptions',
  'slurmql_log_downloads',
  'slurmql_waiting_requests',
  'slurmql_log_searches',
  'slurmql_followed_logs',
  'slurmql_kept_log_bytes',
] as const;
const ASKED = `JSON.stringify({ memory: process.memoryUsage(), resources: process.getActiveResourcesInfo() })`;

/** What can be seen from outside, at no cost: good for a look under load. */
export async function glance({ pid }: TestServer): Promise<Held> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return {
    'resident memory, MiB': Math.round(Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1]) / 1024),
    'open files': (await openFiles(pid)).length,
  };
}

/**
 * What the server holds once its garbage is gone, by its own account and by the system's; and what its logins hold on
 * the clusters: a file that is never closed over SFTP is open there.
 */
export async function look(server: TestServer): Promise<Held> {
  using inspector = await Inspector.open(server);
  // Finalizers run between the collections, and let go of what the next one takes.
  for (let times = 0; times < 3; times += 1) await inspector.ask('HeapProfiler.collectGarbage');
  const answer = await inspector.ask('Runtime.evaluate', { expression: ASKED, returnByValue: true });
  const { memory, resources } = JSON.parse(answer.result?.value ?? '') as {
    readonly memory: NodeJS.MemoryUsage;
    readonly resources: readonly string[];
  };
  const timers = resources.filter((resource) => /^(?:Timeout|Immediate)$/.test(resource)).length;
  return {
    ...(await glance(server)),
    'heap, MiB': Math.round(memory.heapUsed / MIB),
    'memory beside the heap, MiB': Math.round(memory.external / MIB),
    timers,
    'other resources of Node': resources.length - timers,
    ...(await onClusters()),
    ...(await gauges(server)),
  };
}

/** What the server's files are, by kinds: says what is meant by a number. */
export async function kindsOfFiles({ pid }: TestServer): Promise<Held> {
  const kinds: Record<string, number> = {};
  for (const target of await openFiles(pid)) {
    const kind = target.replace(/:?\[\d+\]$/, '');
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}

async function openFiles(pid: number): Promise<string[]> {
  const directory = `/proc/${pid}/fd`;
  const targets = (await readdir(directory)).map((name) => readlink(`${directory}/${name}`).catch(() => ''));
  return (await Promise.all(targets)).filter((target) => target !== '');
}

/** The server is the only one who has logged in. */
async function onClusters(): Promise<Held> {
  let [processes, files] = [0, 0];
  for (const { pid } of descendants(process.pid)) {
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!/^sshd.*@/.test(words)) continue;
    processes += 1 + descendants(pid).length;
    files += (await openFiles(pid).catch(() => [])).length;
  }
  return { 'processes of its logins': processes, 'files of its logins': files };
}

async function gauges({ address, token }: TestServer): Promise<Held> {
  // Not one of the connections that are kept open for a while.
  const headers = { authorization: `Bearer ${token}`, connection: 'close' };
  const text = await (await fetch(`${address}/metrics`, { headers })).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  return Object.fromEntries(GAUGES.map((name) => [name, value(name)]));
}

interface InspectorAnswer {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: string } };
  readonly error?: { readonly message: string };
}

/** Speaks the Chrome DevTools protocol with the server's Node. */
class Inspector implements Disposable {
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static async open({ errors }: TestServer): Promise<Inspector> {
    const address = /^Debugger listening on (ws:\S+)$/m.exec(errors)?.[1];
    if (address === undefined) throw new Error('The server was not started with an inspector');
    const socket = new WebSocket(address);
    await once(socket, 'open');
    return new Inspector(socket);
  }

  async ask(method: string, params: object = {}): Promise<NonNullable<InspectorAnswer['result']>> {
    const answered = once(this.#socket, 'message');
    this.#socket.send(JSON.stringify({ id: 1, method, params }));
    const [data] = await answered;
    const { result, error } = JSON.parse(String(data)) as InspectorAnswer;
    if (result === undefined) throw new Error(`${method}: ${error?.message}`);
    return result;
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}
