import { once } from 'node:events';
import { getIntrospectionQuery } from 'graphql';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { TestServer } from './support/server.ts';
import { leastWork, type Work } from './support/server-work.ts';

const LARGE_BYTES = 900_000;

let server: TestServer;
/** What an ordinary document costs, in a request of a size. */
let ordinary: { readonly small: number; readonly large: number };
beforeAll(async () => {
  server = await TestServer.start('clusters: {}\n');
  const cost = async (padding: number) => {
    const body = () =>
      JSON.stringify({ query: another(getIntrospectionQuery()), variables: { a: 'x'.repeat(padding) } });
    return (await leastWork(server, 3, async () => (await post(body())).text())).cpuMs;
  };
  // The first ones are slower.
  await cost(0);
  ordinary = { small: await cost(0), large: await cost(LARGE_BYTES) };
});
afterAll(() => server[Symbol.asyncDispose]());

interface Told {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

const TRANSPORTS: Readonly<Record<string, (query: string) => Promise<Told>>> = {
  'over HTTP': async (query) => (await post(JSON.stringify({ query }))).json() as Promise<Told>,
  'by server-sent events': async (query) => {
    const text = await (await post(JSON.stringify({ query }), 'text/event-stream')).text();
    return JSON.parse(/^data: ?(.+)$/m.exec(text)?.[1] ?? '{}') as Told;
  },
  'over WebSocket': async (query) => {
    const client = createClient({
      url: `${server.address.replace('http', 'ws')}/graphql`,
      connectionParams: { authorization: `Bearer ${server.token}` },
      retryAttempts: 0,
    });
    try {
      for await (const result of client.iterate({ query })) return result as Told;
      return {};
    } catch (errors) {
      return { errors: errors as NonNullable<Told['errors']> };
    } finally {
      await client.dispose();
    }
  },
};

function post(body: string, accept = 'application/json'): Promise<Response> {
  return fetch(`${server.address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json', accept },
    body,
  });
}

const times = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, at) => part(at)).join(' ');
const nested = (levels: number, breadth: number, field: string): string =>
  levels === 0 ? 'id' : times(breadth, () => `${field} { ${nested(levels - 1, breadth, field)} }`);

const OBJECT_TYPES = ['Job', 'Project', 'Cluster', 'User'];
/** Selections that exclude each other beside one that fits each of them and holds the next level. */
const combined = (levels: number, of: (type: string, level: number) => string, holder: string): string =>
  levels === 0
    ? 'id'
    : `${OBJECT_TYPES.map((type) => `... on ${type} { ${of(type, levels)} }`).join(' ')} ${holder.replace('#', () => combined(levels - 1, of, holder))}`;
const chain = (levels: number): string => (levels === 0 ? 'id' : `a { ${chain(levels - 1)} }`);

/** By kind: documents that a validator goes over again and again, or down into, or that have many errors. */
const DOCUMENTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'fields of one name': {
    'beside each other': `{ viewer { ${'id '.repeat(4500)} } }`,
    'as many as are let through': `{ viewer { ${'id '.repeat(398)} } }`,
    'with selections': `{ ${'viewer { id name } '.repeat(130)} }`,
    'with arguments': `{ ${'jobs(first: 1, filter: { states: [RUNNING, PENDING], clusters: ["a", "b"] }) { totalCount } '.repeat(190)} }`,
    'within each other': `{ job(id: "x") { ${nested(4, 4, 'arrayParent')} } }`,
    'within each other, broadly': `{ job(id: "x") { ${nested(2, 18, 'arrayParent')} } }`,
    'that conflict': `{ viewer { ${times(390, (at) => `a: ${at % 2 === 0 ? 'id' : 'name'}`)} } }`,
    'in many operations': times(70, (at) => `query q${at} { viewer { ${'id '.repeat(60)} } }`),
  },
  fragments: {
    'that each hold the same': `{ ${times(300, (at) => `...f${at}`)} } ${times(300, (at) => `fragment f${at} on Query { viewer { id name } }`)}`,
    'that each spread the next one twice': `{ ...f0 } ${times(40, (at) => `fragment f${at} on Query { ...f${at + 1} ...f${at + 1} }`)} fragment f40 on Query { viewer { id } }`,
    'that double each other in introspection': `{ __schema { ...f0 } } ${times(40, (at) => `fragment f${at} on __Schema { ...f${at + 1} ...f${at + 1} }`)} fragment f40 on __Schema { types { name } }`,
    'that spread themselves': `{ ...f } fragment f on Query { viewer { id } ...f }`,
    'that spread each other in a ring': `{ ...f0 } ${times(90, (at) => `fragment f${at} on Query { ...f${(at + 1) % 90} }`)}`,
    'that spread all of each other': `{ ...f0 } ${times(60, (at) => `fragment f${at} on Query { ${times(60, (other) => `...f${other}`)} }`)}`,
    'that nothing spreads': `{ viewer { id } } ${times(900, (at) => `fragment f${at} on User { id }`)}`,
    'of one name': `{ ...f } ${'fragment f on Query { viewer { id } } '.repeat(400)}`,
    'that very many operations spread': `${times(99, (at) => `query q${at} { ...f }`)} fragment f on Query { viewer { ${'id '.repeat(390)} } }`,
    'that many operations spread': `${times(90, (at) => `query q${at} { ...f }`)} fragment f on Query { ${times(90, (at) => `a${at}: viewer { id name }`)} }`,
  },
  'types that exclude each other': {
    'beside a field of an interface': `{ node(id: "x") { ${combined(14, () => 'a', '... on Node { a { # } }')} } }`,
    'beside a field of no type': `{ node(id: "x") { ${combined(14, () => 'a', '... on Nothing { a { # } }')} } }`,
    'beside a field of an enumeration': `{ node(id: "x") { ${combined(14, () => 'a', '... on JobState { a { # } }')} } }`,
    'each with levels of its own': `{ node(id: "x") { ${combined(7, (_type, level) => chain(level), 'a { # }')} } }`,
    'under other names': `{ node(id: "x") { ${combined(12, (type) => `a: ${type}`, 'a: b { # }')} } }`,
    'in fragments': `{ node(id: "x") { ...f0 } } ${times(13, (at) => `fragment f${at} on Node { ${combined(1, () => 'a', `a { ...f${at + 1} }`)} }`)} fragment f13 on Node { id }`,
    'in many operations': `${times(90, (at) => `query q${at} { node(id: "x") { ...f0 } }`)} ${times(6, (at) => `fragment f${at} on Node { ${combined(1, () => 'a', `a { ...f${at + 1} }`)} }`)} fragment f6 on Node { id }`,
  },
  depth: {
    'of fields': `{ job(id: "x") ${'{ arrayParent '.repeat(1600)} { id } ${'}'.repeat(1600)} }`,
    'of braces': `{ viewer ${'{ ... '.repeat(1600)} { id } ${'}'.repeat(1600)} }`,
    'of lists in an argument': `{ jobs(filter: { states: ${'['.repeat(2400)}${']'.repeat(2400)} }) { totalCount } }`,
    'of objects in an argument': `{ jobs(filter: ${'{ states: '.repeat(1600)} 1 ${'}'.repeat(1600)}) { totalCount } }`,
    'of lists in a default': `query ($a: [ID!] = ${'['.repeat(2400)}${']'.repeat(2400)}) { viewer { id } }`,
    'of a type': `query ($a: ${'['.repeat(2400)}ID${']'.repeat(2400)}) { viewer { id } }`,
    'of lists in a directive': `{ viewer @include(if: ${'['.repeat(2400)}${']'.repeat(2400)}) { id } }`,
    'of fragments': `{ ...f0 } ${times(99, (at) => `fragment f${at} on Query { ... { ...f${at + 1} } }`)}`,
    'that never ends': `{ viewer ${'{ a '.repeat(2400)}`,
  },
  number: {
    'of aliases': `{ ${times(101, (at) => `a${at}: __typename`)} }`,
    'of directives in one place': `{ viewer { id ${'@include(if: true) '.repeat(900)} } }`,
    'of directives that are none': `{ viewer { id ${times(2400, (at) => `@a${at}`)} } }`,
    'of arguments': `{ jobs(${'first: 1 '.repeat(1600)}) { totalCount } }`,
    'of variables': `query (${times(1200, (at) => `$a${at}: Int`)}) { viewer { id } }`,
    'of variables of one name': `query (${'$a: Int '.repeat(1200)}) { viewer { id } }`,
    'of operations': times(900, (at) => `query q${at} { __typename }`),
    'of definitions of types': times(1600, (at) => `scalar A${at}`),
    'of values': `{ nodes(ids: [${'"x" '.repeat(4900)}]) { id } }`,
  },
  errors: {
    'for each field': `{ viewer { ${times(390, (at) => `unknown${at}`)} } }`,
    'for names that are nearly right': `{ jobs { nodes { ${times(390, (at) => `submittedA${'t'.repeat(at % 9)}`)} } } }`,
    'for long names': `{ viewer { ${times(200, (at) => `${'n'.repeat(1000)}${at}`)} } }`,
    'that each name a place far down': `{ viewer { ${'\n'.repeat(250_000)} ${times(200, (at) => `x${at}`)} } }`,
    'that name many places': `query (${times(100, () => `$a: Int${'\n'.repeat(49)}`)}) { viewer { id } }`,
    'for each type': `{ ${times(200, (at) => `... on Jo${at} { id }`)} }`,
    'for each value': `{ nodes(ids: [${'{ a: 1 } '.repeat(900)}]) { id } }`,
    'for an enumeration': `{ jobs(filter: { states: [${times(4000, (at) => `RUNNIN${at}`)}] }) { totalCount } }`,
  },
  length: {
    'of a comment': `{ viewer { id } } # ${'x'.repeat(900_000)}`,
    'of white space': `{ viewer { id } }${' '.repeat(900_000)}`,
    'of line breaks': `{ viewer { id } }${'\n'.repeat(250_000)}`,
    'of a text': `{ job(id: "${'x'.repeat(250_000)}") { id } }`,
    'of a block of text': `{ job(id: """${'x\n'.repeat(120_000)}""") { id } }`,
    'of escapes': `{ job(id: "${'\\u0041'.repeat(40_000)}") { id } }`,
    'of a name': `{ ${'n'.repeat(250_000)} }`,
  },
};

it('a large request costs much less than to do anything for each of its bytes', () => {
  const bytes = Buffer.alloc(LARGE_BYTES);
  const listing = [1, 2, 3].map(() => {
    const before = process.cpuUsage();
    Object.keys(bytes);
    return process.cpuUsage(before).user / 1000;
  });
  expect(ordinary.large - ordinary.small).toBeLessThan(Math.min(...listing) / 2);
});

/** The same document with another text, so that nobody remembers it. */
let variants = 0;
function another(query: string): string {
  variants += 1;
  return `${query} # ${variants}`;
}

describe.each(Object.entries(DOCUMENTS))('hostile documents: %s', (_kind, documents) => {
  it.each(Object.entries(documents))(
    '%s: cost little, and are answered alike by every transport',
    async (_what, query) => {
      const mostMs = 3 * (query.length > 100_000 ? ordinary.large : ordinary.small) + 20;
      const ask = async () => (await post(JSON.stringify({ query: another(query) }))).text();
      const { cpuMs, logged } = await leastWork(server, 8, ask, (least) => least.cpuMs < mostMs);
      expect(cpuMs).toBeLessThan(mostMs);
      expect(logged).toBe('');
      const codes = new Set<string>();
      for (const tell of Object.values(TRANSPORTS)) {
        const { errors } = await tell(another(query));
        codes.add(errors?.map(({ extensions }) => extensions.code).join() ?? 'answered');
      }
      expect([...codes]).toEqual([
        expect.stringMatching(
          /^(answered|(LIMIT_EXCEEDED|OPERATION_RESOLUTION_FAILURE|GRAPHQL_(PARSE|VALIDATION)_FAILED)\b.*)$/,
        ),
      ]);
      expect(await server.query('{ viewer { name } }')).toEqual({ viewer: { name: 'Administrator' } });
    },
  );
});

/** Each takes milliseconds to parse and validate, and little to answer. */
const SLOW: Readonly<Record<string, string>> = {
  'many fields': `{ jobs(first: 1) { nodes { ${times(390, (at) => ['id', 'name', 'state', 'command'][at % 4] ?? '')} } } }`,
  'many arguments': `{ ${times(99, (at) => `a${at}: job(id: "x", waitUntilOverSeconds: 1) { id name }`)} }`,
  'many variables': `query (${times(99, (at) => `$a${at}: ID! = "x"`)}) { ${times(99, (at) => `a${at}: job(id: $a${at}) { id name }`)} }`,
  'many operations': `${times(5, (at) => `query q${at} { ...f }`)} fragment f on Query { ${times(95, (at) => `a${at}: viewer { id name role }`)} }`,
  'fields that are not there': `{ viewer { ${times(390, (at) => `unknown${at}`)} } }`,
  'fields that are nearly there': `{ jobs { nodes { ${times(390, (at) => `submittedA${'t'.repeat(at % 9)}`)} } } }`,
};
const TOGETHER = 100;

/** All of them in one write, so that they are received in one turn of the event loop. */
async function overWebSocket(documents: readonly string[]): Promise<void> {
  const socket = new WebSocket(`${server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  const send = (message: object) => socket.send(JSON.stringify(message));
  const { promise, resolve } = Promise.withResolvers<void>();
  const answered = new Set<string>();
  socket.on('message', (data) => {
    const { type, id } = JSON.parse(String(data)) as { type: string; id: string };
    if (type === 'connection_ack') {
      const payloads = documents.map((query) => ({ query, operationName: query.startsWith('query q0') ? 'q0' : null }));
      for (const [at, payload] of payloads.entries()) send({ id: `${at}`, type: 'subscribe', payload });
    } else if (answered.add(id).size === documents.length) resolve();
  });
  send({ type: 'connection_init', payload: { authorization: `Bearer ${server.token}` } });
  await promise;
  socket.terminate();
}

async function overHttp(documents: readonly string[]): Promise<void> {
  await Promise.all(documents.map(async (query) => (await post(JSON.stringify({ query }))).text()));
}

describe.each([
  ['a WebSocket', overWebSocket],
  ['HTTP', overHttp],
])('documents that arrive together over %s', (_transport, send) => {
  it.each(Object.entries(SLOW))('are read in turns of the event loop: %s', async (_what, query) => {
    const many = (count: number) => () => send(Array.from({ length: count }, () => another(query)));
    await many(10)();
    // All in one turn, it would be held for as long as all of them take.
    const isInTurns = ({ heldMs, cpuMs }: Work) => heldMs < cpuMs / 2;
    expect(await leastWork(server, 8, many(TOGETHER), isInTurns)).toSatisfy(isInTurns);
  });
});
