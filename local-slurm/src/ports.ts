import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { DaemonError } from './daemon.ts';

const handedOut = new Set<number>();

/**
 * A TCP port that is free on all addresses. Taken from below the range that the kernel gives to outgoing connections,
 * so that none of those takes it before it is bound, or while its daemon restarts. Another process may still bind it
 * first: whoever starts a daemon has to try again with another.
 */
export async function freePort(): Promise<number> {
  const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '32768');
  const end = Number.parseInt(range, 10);
  const start = 16_384;
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const wanted = end - start < 1000 ? 0 : start + Math.floor(Math.random() * (end - start));
    const port = handedOut.has(wanted) ? undefined : await bindable(wanted);
    if (port === undefined) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error('no free TCP port found');
}

/** The port that could be bound for a moment (another number than `port` only for 0), or undefined. */
function bindable(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}

/** Runs `start` up to five times, as long as it fails only because another process was quicker to bind a port. */
export async function retryWhenPortIsTaken<Value>(start: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      const portTaken = error instanceof DaemonError && /address already in use/i.test(error.log);
      if (!portTaken || attempt === 5) throw error;
    }
  }
}

/** Whether something accepts connections at this loopback port. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 });
    const answer = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.once('timeout', () => answer(false));
  });
}
