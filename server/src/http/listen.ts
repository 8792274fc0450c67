import type { AddressInfo, Server } from 'node:net';

/** The server can't listen; the message says why and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Resolves to the address once it listens; port 0 is any free one. Throws ListenError. */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, host, port)));
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): ListenError {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} of ${host} is in use: set PORT to another one, or to 0 for any free one`,
    EACCES: `Port ${port} may not be used by this account: set PORT to 1024 or above`,
    EADDRNOTAVAIL: `${host} is not an address of this machine: set HOST to one that is`,
    ENOTFOUND: `${host} is not an address of this machine: set HOST to one that is`,
  };
  return new ListenError(why[cause.code ?? ''] ?? `Can't listen on ${host}:${port}: ${cause.message}`, { cause });
}
