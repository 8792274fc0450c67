import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { SECURITY_HEADERS } from './security-headers.ts';

const HEADERS = Object.entries({ ...SECURITY_HEADERS, 'content-length': '0', connection: 'close' });

/** An answer without an HTTP request object. `head`: the status, followed by headers. */
function writeRawAnswer(socket: Duplex, head: string): void {
  const lines = [`HTTP/1.1 ${head}`, ...HEADERS.map(([name, value]) => `${name}: ${value}`)];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
}

/** For a socket that was detached from HTTP. */
export function refuseUpgrade(socket: Duplex, head: string): void {
  // Half-open, it would stay as long as the client keeps it.
  socket.once('finish', () => socket.destroy());
  writeRawAnswer(socket, head);
  socket.end();
}

const STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Content Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Answers malformed or incomplete HTTP as Node does, unless an answer is in progress (lib/_http_server.js). */
export function answerNoRequest(fault: Error & { readonly code?: string }, socket: Duplex): void {
  const { _httpMessage: underWay } = socket as Duplex & { readonly _httpMessage?: ServerResponse | null };
  if (socket.writable && underWay?.headersSent !== true) {
    writeRawAnswer(socket, STATUS[fault.code ?? ''] ?? '400 Bad Request');
  }
  socket.destroy();
}
