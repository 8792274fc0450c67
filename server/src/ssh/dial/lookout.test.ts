import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Lookout } from './lookout.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const at = (port: number) => ({ host: '127.0.0.1', port, family: 0, localAddress: undefined }) as const;

/** A port on which nothing listens yet. */
async function freePort(): Promise<number> {
  const server = await listen(0);
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => cleanUps.push(() => socket.destroy()));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function lookoutFor() {
  const opened = Promise.withResolvers<number>();
  const lookout = new Lookout(({ port, socket }) => {
    cleanUps.push(() => socket.destroy());
    opened.resolve(port);
  });
  cleanUps.push(() => lookout.stop());
  return { lookout, opened: opened.promise };
}

describe('the look for a server that is away', () => {
  it('goes on by itself after a connection was lost, and hands over the first socket that is taken', async () => {
    const { lookout, opened } = lookoutFor();
    const port = await freePort();
    lookout.lost();
    lookout.start(at(port));
    expect(lookout.isLooking).toBe(true);
    const server = await listen(port);
    cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
    expect(await opened).toBe(port);
    expect(lookout.isLooking).toBe(false);
  });

  it('plans nothing where no connection was lost, until somebody wants one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { lookout, opened } = lookoutFor();
    const port = await freePort();
    lookout.start(at(port));
    expect(vi.getTimerCount()).toBe(0);
    const server = await listen(port);
    cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
    lookout.wanted();
    expect(await opened).toBe(port);
  });

  it('comes to an end where the server stays away', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { lookout } = lookoutFor();
    lookout.lost();
    await vi.advanceTimersByTimeAsync(60 * 60_000);
    lookout.start(at(1));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is over once it is stopped', async () => {
    const { lookout, opened } = lookoutFor();
    const server = await listen(0);
    const { port } = server.address() as AddressInfo;
    cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
    lookout.start(at(port));
    lookout.wanted();
    lookout.stop();
    expect(await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, 200, 'nothing'))])).toBe('nothing');
  });
});
