import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { serveCommands } from './child.ts';

// Takes whatever is sent and answers nothing: what attackers take from the machine without a server that works for them.
const server = createServer((socket) => socket.on('error', () => socket.destroy()).resume());
await once(server.listen(0, '127.0.0.1'), 'listening');
const { port } = server.address() as AddressInfo;

serveCommands({ address: () => `http://127.0.0.1:${port}` });
