import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { serveCommands } from './child.ts';

// The limit of what one process can send: the same bytes to everybody, and nothing else.
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', (socket) => {
  socket.on('message', () => undefined);
});

serveCommands({
  address: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  broadcast: async ({ message, times }: { message: string; times: number }) => {
    for (let count = 0; count < times; count += 1) {
      const bytes = Buffer.from(message);
      for (const client of server.clients) client.send(bytes, { binary: false });
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
});
