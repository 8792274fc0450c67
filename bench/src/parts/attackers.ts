import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { TOKEN } from '@slurmql/server/stage';
import { serveCommands } from './child.ts';

/** So many connections does each attack hold open; the oldest goes for a new one. */
const HELD = 100;
const LARGE_BODY_BYTES = 1_000_000;
const SUBPROTOCOL = 'sec-websocket-protocol: graphql-transport-ws\r\n';

interface Attack {
  readonly perSecond: number;
  /** What a connection sends, in pieces. */
  readonly pieces: (projectId: string) => readonly (string | Buffer)[];
  /** False: nothing of the answer is read, and the connection is kept. */
  readonly isRead: boolean;
}

const upgrade = (headers: string) =>
  `GET /graphql HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n${headers}` +
  `sec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n\r\n`;

const post = (path: string, body: string, headers = '') =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n${headers}` +
  `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const ask = (query: string, variables: object = {}) =>
  post('/graphql', JSON.stringify({ query, variables }), `authorization: Bearer ${TOKEN}\r\n`);

const wide = (fields: number) => Array.from({ length: fields }, (_, index) => `a${index}: id`).join(' ');

/** What is sent without a credential first, then what somebody sends who has one. */
const ATTACKS: Readonly<Record<string, Attack>> = {
  'bodies that never end': {
    perSecond: 20,
    pieces: () => [
      `POST /session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${LARGE_BODY_BYTES}\r\n\r\n`,
      Buffer.alloc(LARGE_BODY_BYTES / 2, 'a'),
    ],
    isRead: false,
  },
  'headers that never end': {
    perSecond: 20,
    pieces: () => [`GET / HTTP/1.1\r\nhost: localhost\r\nx-long: ${'a'.repeat(8_000)}`],
    isRead: false,
  },
  'WebSockets that never say who they are': { perSecond: 20, pieces: () => [upgrade(SUBPROTOCOL)], isRead: false },
  'WebSockets with a large frame first': {
    perSecond: 10,
    // A masked text frame of 1 MiB with a length of 64 bits (RFC 6455, 5.2).
    pieces: () => [
      upgrade(SUBPROTOCOL),
      Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]),
      Buffer.alloc(1024 * 1024, 'a'),
    ],
    isRead: false,
  },
  'wrong tokens': {
    perSecond: 20,
    pieces: () => [post('/session', JSON.stringify({ token: randomBytes(16).toString('hex') }))],
    isRead: true,
  },
  'what is no HTTP': { perSecond: 20, pieces: () => [randomBytes(2_000)], isRead: true },
  'a document that nests': {
    perSecond: 2,
    pieces: () => [ask(`{ jobs { nodes ${'{ project { jobs { nodes '.repeat(400)}{ id }${'}}}'.repeat(400)} } }`)],
    isRead: true,
  },
  'fields that overlap': {
    perSecond: 2,
    pieces: () => [ask(`{ jobs { ${`nodes { ${wide(20)} } `.repeat(80)} } }`)],
    isRead: true,
  },
  'one node thousands of times': {
    perSecond: 2,
    pieces: (projectId) => [
      ask('query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Project { jobs(first: 500) { nodes { id script } } } } }', {
        ids: Array.from({ length: 8_000 }, () => projectId),
      }),
    ],
    isRead: true,
  },
  'a long list in a filter': {
    perSecond: 2,
    pieces: () => [
      ask('query ($names: [String!]) { jobs(filter: { clusters: $names }, first: 1) { totalCount } }', {
        names: Array.from({ length: 20_000 }, (_, index) => `cluster-${index}`),
      }),
    ],
    isRead: true,
  },
  'large answers that nobody reads': {
    perSecond: 5,
    pieces: () => [ask(`{ jobs(first: 500) { nodes { ${wide(15)} command } } }`)],
    isRead: false,
  },
};

/** Attacks a server from addresses of their own, until it is told to stop. */
class Attackers {
  readonly #ending = new AbortController();
  readonly #running: Promise<void>[];
  readonly #sent = new Map<string, number>();
  readonly #held = new Set<Socket>();

  constructor(address: string, projectId: string) {
    this.#running = Object.entries(ATTACKS).map(([name, attack], index) =>
      this.#repeat(new URL(address), projectId, name, attack, `127.0.1.${index + 1}`),
    );
  }

  /** How often each attack was made. */
  async stop(): Promise<Readonly<Record<string, number>>> {
    this.#ending.abort();
    await Promise.all(this.#running);
    for (const socket of this.#held) socket.destroy();
    return Object.fromEntries(this.#sent);
  }

  async #repeat(
    { hostname, port }: URL,
    projectId: string,
    name: string,
    attack: Attack,
    localAddress: string,
  ): Promise<void> {
    const own: Socket[] = [];
    while (!this.#ending.signal.aborted) {
      const socket = connect({ host: hostname, port: Number(port), localAddress });
      this.#held.add(socket);
      // To be cut off is what an attacker has to expect.
      socket.on('error', () => {}).on('close', () => this.#held.delete(socket));
      for (const piece of attack.pieces(projectId)) socket.write(piece);
      if (attack.isRead) socket.resume();
      this.#sent.set(name, (this.#sent.get(name) ?? 0) + 1);
      own.push(socket);
      if (own.length > HELD) own.shift()?.destroy();
      await pause(1000 / attack.perSecond, undefined, { signal: this.#ending.signal }).catch(() => {});
    }
  }
}

async function anyProject(address: string): Promise<string> {
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ jobs(first: 1) { nodes { project { id } } } }' }),
  });
  const { data } = (await response.json()) as { data: { jobs: { nodes: { project: { id: string } }[] } } };
  return data.jobs.nodes[0]?.project.id ?? '';
}

let attackers: Attackers | null = null;

serveCommands({
  /** `target`: what is attacked; what is sent is made for the server at `address`. */
  begin: async ({ address, target }: { address: string; target: string }) => {
    attackers = new Attackers(target, await anyProject(address));
  },
  end: async () => {
    const sent = await attackers?.stop();
    attackers = null;
    return sent ?? {};
  },
});
