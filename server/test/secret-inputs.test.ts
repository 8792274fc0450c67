import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ServerProcess } from './support/server.ts';

const TOKEN = 'a-token-for-tests-only';
/** What nobody may find in an answer or in the log. It is a name in GraphQL's eyes, and in a shell's. */
const SECRET = 'hunter2_battery_staple';
const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };

let server: ServerProcess;
let address: string;
const stack = new AsyncDisposableStack();
beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'slurmql-secrets-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'clusters.yaml'), 'clusters: {}\n');
  // The most that it ever says.
  server = new ServerProcess(directory, { SLURMQL_TOKEN: TOKEN, LOG_LEVEL: 'debug' });
  stack.defer(() => void server.stop('SIGTERM'));
  address = (await server.firstLine()).replace('SlurmQL listening on ', '');
});
afterAll(() => stack.disposeAsync());

type Value = unknown;

/** Something with an input, its argument of this type, and values that don't fit and have the secret in them. */
interface Target {
  readonly operation: 'query' | 'mutation' | 'subscription';
  readonly type: string;
  /** Of the argument, written as the variable or as a literal. */
  readonly field: (argument: string) => string;
  readonly values: Readonly<Record<string, Value>>;
}

const mutation = (name: string, type: string, values: Target['values']): Target => ({
  operation: 'mutation',
  type,
  field: (argument) => `${name}(input: ${argument}) { userErrors { message path } }`,
  values,
});
const login = (answers: Value) => ({ cluster: 'alpha', promptId: 'x', answers });
const submit = (rest: object) => ({ project: 'p', cluster: 'alpha', command: 'true', ...rest });
const url = `https://ada:${SECRET}@git.example.org/x.git?private_token=${SECRET}`;

const TARGETS: readonly Target[] = [
  mutation('answerLogin', 'AnswerLoginInput!', {
    'in place of the input': SECRET,
    'in a list in place of it': [SECRET],
    'in an object in place of an answer': login({ code: SECRET }),
    'in a list in a list': login([[SECRET]]),
    'beside a wrong one': login([SECRET, 1]),
    'beside what is missing': { answers: [SECRET] },
    'under a name that is none': { ...login([]), password: SECRET },
    'in place of the prompt': { ...login([]), promptId: { [SECRET]: SECRET } },
  }),
  mutation('submitJob', 'SubmitJobInput!', {
    'in a map in place of a list': submit({ environment: { HF_TOKEN: SECRET } }),
    'in place of a list': submit({ environment: SECRET }),
    'in an object in place of a text': submit({ environment: [{ name: 'HF_TOKEN', value: { secret: SECRET } }] }),
    'beside a name that is none': submit({ environment: [{ name: 'HF_TOKEN', value: SECRET, secret: true }] }),
    'where the name is missing': submit({ environment: [{ value: SECRET }] }),
    'as a name': submit({ environment: [{ [SECRET]: 'x' }] }),
    'in place of a number': submit({ gpus: SECRET }),
    'in place of a flag': submit({ singleton: SECRET }),
    'in a list in place of a text': submit({ command: ['export TOKEN=', SECRET] }),
    'deep in a list': submit({ components: [{ gpus: 1 }, { gpus: SECRET }] }),
  }),
  mutation('addProject', 'AddProjectInput!', {
    'in an address in an object': { path: { url } },
    'in an address in a list': { path: [url] },
    'in place of the input': url,
    'under a name that is none': { path: '/x', remoteUrl: url },
    'in lines in a list': { path: '/x', prologue: [`export TOKEN=${SECRET}`] },
  }),
  {
    operation: 'query',
    type: 'JobFilter',
    field: (argument) => `jobs(filter: ${argument}) { nodes { id } }`,
    values: {
      'in place of an instant': { createdAfter: SECRET },
      'in place of a list of words': { states: [SECRET] },
      'in place of it all': SECRET,
      'under a name that is none': { token: SECRET },
      'in a list of lists': { and: [[SECRET]] },
    },
  },
  {
    operation: 'query',
    type: 'Int',
    field: (argument) => `jobs(first: ${argument}) { nodes { id } }`,
    values: { 'in place of a number': SECRET, 'in a list': [SECRET], 'in an object': { first: SECRET } },
  },
  {
    operation: 'query',
    type: 'ID!',
    field: (argument) => `node(id: ${argument}) { id }`,
    values: { 'in an object': { id: SECRET }, 'in a list': [SECRET] },
  },
  {
    operation: 'subscription',
    type: 'SafeInt',
    field: (argument) => `logTail(jobId: "x", after: ${argument}) { text }`,
    values: { 'in place of a number': SECRET, 'in a list': [SECRET], 'in an object': { after: SECRET } },
  },
  {
    operation: 'subscription',
    type: 'JobFilter',
    field: (argument) => `jobEvents(filter: ${argument}) { __typename }`,
    values: {
      'in place of an instant': { createdAfter: SECRET },
      'in place of it all': [SECRET],
      'in a word': { states: [SECRET] },
    },
  },
];

/** As GraphQL writes it. */
function literal(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, inner]) => `${name}: ${literal(inner)}`);
  return `{ ${fields.join(', ')} }`;
}

interface Request {
  readonly query: unknown;
  readonly variables?: unknown;
  readonly operationName?: unknown;
  readonly extensions?: unknown;
}

const REQUESTS: [string, Request][] = TARGETS.flatMap(({ operation, type, field, values }) =>
  Object.entries(values).flatMap(([how, value]): [string, Request][] => {
    const name = `${field('…').split('(', 1)[0]}: ${how}`;
    return [
      [`${name}, in a variable`, { query: `${operation} ($x: ${type}) { ${field('$x')} }`, variables: { x: value } }],
      [`${name}, in a literal`, { query: `${operation} { ${field(literal(value))} }` }],
      [`${name}, as a default`, { query: `${operation} ($x: ${type} = ${literal(value)}) { ${field('$x')} }` }],
    ];
  }),
);

/** By each way that an operation has to the server. */
const WAYS: Readonly<Record<string, (request: Request) => Promise<string>>> = {
  HTTP: (request) => sent({ ...headers, accept: 'application/json' }, JSON.stringify(request)),
  'server-sent events': (request) => sent({ ...headers, accept: 'text/event-stream' }, JSON.stringify(request)),
  WebSocket: overWebSocket,
};

async function sent(own: Readonly<Record<string, string>>, body: string): Promise<string> {
  const response = await fetch(`${address}/graphql`, { method: 'POST', headers: own, body });
  return response.text();
}

let connected: Promise<WebSocket> | null = null;
let operations = 0;

async function overWebSocket(payload: Request): Promise<string> {
  connected ??= connect();
  const socket = await connected;
  operations += 1;
  const id = String(operations);
  return new Promise((resolve) => {
    const onClose = (code: number, reason: Buffer) => {
      connected = null;
      resolve(`${code} ${reason} errors`);
    };
    const onMessage = (data: unknown) => {
      const text = String(data);
      const message = JSON.parse(text) as { readonly id?: string; readonly type: string };
      if (message.id !== id) return;
      socket.off('message', onMessage);
      socket.off('close', onClose);
      resolve(text);
    };
    socket.on('message', onMessage);
    socket.on('close', onClose);
    socket.send(JSON.stringify({ id, type: 'subscribe', payload }));
  });
}

async function connect(): Promise<WebSocket> {
  const socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await new Promise((resolve) => socket.once('open', resolve));
  const acknowledged = new Promise((resolve) => socket.once('message', resolve));
  socket.send(JSON.stringify({ type: 'connection_init', payload: headers }));
  await acknowledged;
  return socket;
}

describe.each(Object.entries(WAYS))('what does not fit is not repeated over %s', (_way, ask) => {
  it.each(REQUESTS)('%s', async (_what, request) => {
    const answer = await ask(request);
    expect(answer).toContain('rror');
    expect(answer).not.toContain(SECRET);
  });

  it.each<[string, Request]>([
    ['variables that are a text', { query: '{ viewer { name } }', variables: SECRET }],
    ['variables that are a list', { query: '{ viewer { name } }', variables: [SECRET] }],
    ['extensions that are a text', { query: '{ viewer { name } }', extensions: SECRET }],
    ['an operation name that is an object', { query: '{ viewer { name } }', operationName: { name: SECRET } }],
    ['a document that is an object', { query: { secret: SECRET } }],
    ['a document that is none', { query: `curl -H "Authorization: Bearer ${SECRET}"` }],
    ['a text that does not end', { query: `mutation { addProject(input: { path: "${SECRET}` }],
    ['a word where none may be', { query: `{ viewer ${'{ name } '} } ${SECRET}` }],
    ['a text where none may be', { query: `{ viewer "${SECRET}" { name } }` }],
    ['an escape that is none', { query: `{ node(id: "${SECRET}\\x") { id } }` }],
    ['a number with letters', { query: `{ jobs(first: 1${SECRET}) { totalCount } }` }],
  ])('%s', async (_what, request) => {
    expect(await ask(request)).not.toContain(SECRET);
  });
});

describe('nor is what', () => {
  it.each([
    ['is no JSON', `{"query": "{ viewer { name } }", "variables": {"password": ${SECRET}}}`],
    ['ends too soon', `{"query": "{ viewer { name } }", "variables": {"password": "${SECRET}"`],
    ['has more behind it', `{"query": "{ viewer { name } }"} ${SECRET}`],
    ['is a form', `password=${SECRET}`],
    ['is a list', JSON.stringify([{ query: '{ viewer { name } }', password: SECRET }])],
    ['has a field too many', JSON.stringify({ query: '{ viewer { name } }', password: SECRET })],
    ['is a text', JSON.stringify(SECRET)],
  ])('%s, in a body', async (_what, body) => {
    for (const type of [
      'application/json',
      'application/graphql+json',
      'application/x-www-form-urlencoded',
      'text/plain',
    ]) {
      expect(await sent({ ...headers, 'content-type': type }, body)).not.toContain(SECRET);
    }
  });

  it.each([
    `query={viewer{name}}&variables={"password":${SECRET}}`,
    `query={viewer{name}}&variables="${SECRET}"`,
    `query={viewer{name}}&extensions=${SECRET}`,
    `query=query($x:Int){jobs(first:$x){totalCount}}&variables={"x":"${SECRET}"}`,
    `query={jobs(first:"${SECRET}"){totalCount}}`,
  ])('stands in an address as %s', async (parameters) => {
    for (const accept of ['application/json', 'text/event-stream']) {
      const response = await fetch(`${address}/graphql?${parameters}`, { headers: { ...headers, accept } });
      expect(await response.text()).not.toContain(SECRET);
    }
  });

  it.each<[string, string, object]>([
    ['AddProjectInput!', 'addProject', { path: url }],
    ['AddProjectInput!', 'addProject', { path: `/nowhere/${url}` }],
    ['AnswerLoginInput!', 'answerLogin', login([SECRET])],
    ['SubmitJobInput!', 'submitJob', submit({ environment: [{ name: `HF_TOKEN=${SECRET}`, value: '' }] })],
    ['SubmitJobInput!', 'submitJob', submit({ environment: [{ name: 'A', value: `${SECRET}\0` }] })],
    ['SubmitJobInput!', 'submitJob', submit({ environment: [{ name: 'A', value: SECRET.repeat(10_000) }] })],
    ['SubmitJobInput!', 'submitJob', submit({ extraOptions: [`--export=TOKEN=${SECRET}`] })],
    ['SubmitJobInput!', 'submitJob', submit({ extraOptions: [`TOKEN=${SECRET}`] })],
    ['SubmitJobInput!', 'submitJob', submit({ extraOptions: [`--exp=TOKEN=${SECRET}`] })],
  ])('is refused: %s of %s', async (type, name, input) => {
    const query = `mutation ($input: ${type}) { ${name}(input: $input) { userErrors { message path } } }`;
    const answer = await sent(headers, JSON.stringify({ query, variables: { input } }));
    expect(answer).toMatch(/"message":"[^"]/);
    expect(answer).not.toContain(SECRET);
  });
});

it('and nothing of it is in the log', () => {
  expect(server.errors).toContain('GraphQL');
  expect(server.errors).not.toContain(SECRET);
});
