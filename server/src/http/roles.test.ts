import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { METHODS, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type GraphQLField,
  type GraphQLInputType,
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredInputField,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Authenticator } from '../auth/index.ts';
import { RULES } from '../domain/policy.ts';
import { aJob } from '../domain/testing.ts';
import { USER_ROLES, type UserRole } from '../domain/user.ts';
import { schema } from '../graphql/index.ts';
import { needOf } from '../graphql/permitted-fields.ts';
import { ROUTES, type Route } from './paths.ts';
import { SocketClient, Stage, TOKEN } from './testing.ts';

/** The least role that may: of each field of Query, Mutation and Subscription, and of each other one that not all may read. */
const FIELDS: Readonly<Record<string, UserRole>> = {
  'Query.cluster': 'VIEWER',
  'Query.clusters': 'VIEWER',
  'Query.compareJobs': 'VIEWER',
  'Query.configurationFault': 'ADMIN',
  'Query.gpuAvailability': 'VIEWER',
  'Query.job': 'VIEWER',
  'Query.jobs': 'VIEWER',
  'Query.logSearch': 'VIEWER',
  'Query.node': 'VIEWER',
  'Query.nodes': 'VIEWER',
  'Query.partitions': 'VIEWER',
  'Query.project': 'VIEWER',
  'Query.projects': 'VIEWER',
  'Query.version': 'VIEWER',
  'Query.viewer': 'VIEWER',
  'Mutation.addProject': 'MEMBER',
  'Mutation.answerLogin': 'ADMIN',
  'Mutation.archiveJobs': 'MEMBER',
  'Mutation.cancelJob': 'MEMBER',
  'Mutation.cancelJobs': 'MEMBER',
  'Mutation.connectCluster': 'ADMIN',
  'Mutation.holdJob': 'MEMBER',
  'Mutation.holdJobs': 'MEMBER',
  'Mutation.releaseJob': 'MEMBER',
  'Mutation.releaseJobs': 'MEMBER',
  'Mutation.previewJob': 'MEMBER',
  'Mutation.removeProject': 'MEMBER',
  'Mutation.requeueJob': 'MEMBER',
  'Mutation.resubmitJob': 'MEMBER',
  'Mutation.submitJob': 'MEMBER',
  'Mutation.syncProject': 'MEMBER',
  'Mutation.testCluster': 'ADMIN',
  'Mutation.unarchiveJobs': 'MEMBER',
  'Mutation.updateJob': 'MEMBER',
  'Mutation.updateProject': 'MEMBER',
  'Subscription.clusterStatus': 'VIEWER',
  'Subscription.configurationFault': 'ADMIN',
  'Subscription.jobEvents': 'VIEWER',
  'Subscription.jobStatus': 'VIEWER',
  'Subscription.logTail': 'VIEWER',
  'Cluster.load': 'ADMIN',
  'Cluster.loginPrompt': 'ADMIN',
};

interface Address {
  readonly path: string;
  /** The least role that is let in; null: nobody is asked who they are. */
  readonly role: UserRole | null;
  /** What it answers. All else is refused with 405, to those who are let in. */
  readonly methods: readonly string[];
  /** Of a POST. */
  readonly body?: string;
}

const READING = ['GET', 'HEAD'];

const ADDRESSES: Readonly<Record<Route, Address>> = {
  '/graphql': {
    path: '/graphql?query={__typename}',
    role: 'VIEWER',
    methods: ['GET', 'POST'],
    body: '{"query":"{__typename}"}',
  },
  // Whoever has the token may sign in, and whoever has a session may end it.
  '/session': { path: '/session', role: null, methods: ['DELETE', 'POST'], body: `{"token":"${TOKEN}"}` },
  '/healthz': { path: '/healthz', role: null, methods: READING },
  '/readyz': { path: '/readyz', role: null, methods: READING },
  '/metrics': { path: '/metrics', role: 'VIEWER', methods: READING },
  '/jobs/*.log': { path: '/jobs/x/stdout.log', role: 'VIEWER', methods: READING },
  files: { path: '/', role: null, methods: READING },
};

/** All that Node reads, but for the one that is no request for an address: it ends the connection. */
const REQUEST_METHODS = METHODS.filter((method) => method !== 'CONNECT');

const ROOTS = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].filter(
  (type) => type != null,
);
const ROOT_NAMES: readonly string[] = ROOTS.map(({ name }) => name);

/** A cluster whose every field that not all may read has something in it. */
const GATED_CLUSTER = {
  settings: { name: 'gated', host: 'login' },
  loginPrompt: { id: 'a-prompt' },
  load: { read: () => ({}) },
};
/** How each type with such a field is read. */
const READ: Readonly<Record<string, (selection: string) => string>> = {
  Cluster: (selection) => `query { cluster(name: "gated") { ${selection} } }`,
};

let directory: string;
let stage: Stage;
const sockets = new Map<UserRole, SocketClient>();
beforeAll(async () => {
  const store = { secret: async () => 'a secret', ended: async () => [], end: async () => undefined };
  const authenticator = await Authenticator.open(TOKEN, store);
  // Nobody has another role than the administrator's yet: the token of each is its name.
  vi.spyOn(authenticator, 'authenticate').mockImplementation(({ authorization }) => {
    const role = USER_ROLES.find((one) => authorization === `Bearer ${one}`);
    if (role === undefined) return { kind: 'anonymous', why: 'missing' };
    return { kind: 'viewer', viewer: { id: role, name: role, role }, session: null };
  });
  directory = await mkdtemp(join(tmpdir(), 'slurmql-roles-'));
  await writeFile(join(directory, 'index.html'), '<!doctype html>');
  stage = await Stage.open(undefined, { authenticator, webDirectory: directory });
  const get = stage.clusters.get.bind(stage.clusters);
  vi.spyOn(stage.clusters, 'get').mockImplementation((name) =>
    name === 'gated' ? (GATED_CLUSTER as never) : get(name),
  );
  for (const role of USER_ROLES) {
    const socket = new SocketClient(stage.address);
    await socket.init(bearer(role));
    sockets.set(role, socket);
  }
});
afterAll(async () => {
  for (const { socket } of sockets.values()) socket.terminate();
  await stage?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const rank = (role: UserRole) => USER_ROLES.indexOf(role);
const bearer = (role: UserRole) => ({ authorization: `Bearer ${role}` });

/** The least that its arguments can be. Ids are those of a job that isn't there. */
function leastOf(type: GraphQLInputType, path: string): string {
  if (isNonNullType(type)) return leastOf(type.ofType, path);
  if (isListType(type)) return `[${leastOf(type.ofType, path)}]`;
  if (isEnumType(type)) return type.getValues()[0]?.name ?? '';
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter(isRequiredInputField);
    return `{${fields.map((field) => `${field.name}: ${leastOf(field.type, `${path}.${field.name}`)}`).join()}}`;
  }
  switch (type.name) {
    case 'ID':
      return JSON.stringify(btoa(`${path.includes('Project') ? 'Project' : 'Job'}:${aJob().id}`));
    case 'Int':
      return '1';
    case 'Boolean':
      return 'true';
    default:
      return '"x"';
  }
}

function selectionOf(field: GraphQLField<unknown, unknown>): string {
  const type = getNamedType(field.type);
  if (!isCompositeType(type)) return '';
  const fields = 'getFields' in type ? type.getFields() : {};
  if ('userErrors' in fields) return '{ userErrors { code message } }';
  return 'results' in fields ? '{ results { userErrors { code message } } }' : '{ __typename }';
}

/** An operation that asks for the field of that name and as little else as there can be. */
function operationFor(name: string): string {
  const [parent = '', fieldName = ''] = name.split('.');
  const type = schema.getType(parent);
  const field = isObjectType(type) ? type.getFields()[fieldName] : undefined;
  if (field === undefined) throw new Error(`There is no ${name}`);
  const given = field.args
    .filter(isNonNullArgument)
    .map((one) => `${one.name}: ${leastOf(one.type, `${fieldName}.${getNamedType(one.type).name}`)}`);
  const selection = `${fieldName}${given.length > 0 ? `(${given.join()})` : ''} ${selectionOf(field)}`;
  const read = READ[parent] ?? ((inner: string) => `${parent.toLowerCase()} { ${inner} }`);
  return read(selection);
}

/** A refusal is the first that comes; of what is allowed, a subscription may have nothing to tell. */
const QUIET_MS = 500;
const DEADLINE_MS = 30_000;

/** What an operation is answered with, as text; empty if nothing comes in time. */
const TRANSPORTS: Readonly<Record<string, (query: string, role: UserRole, timeoutMs: number) => Promise<string>>> = {
  HTTP: async (query, role) => (await post(query, role, 'application/json')).text(),
  'server-sent events': async (query, role, timeoutMs) => {
    const leaving = new AbortController();
    const timer = setTimeout(() => leaving.abort(), timeoutMs);
    let text = '';
    try {
      const response = await post(query, role, 'text/event-stream', leaving.signal);
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true });
        if (text.includes('data:')) break;
      }
    } catch (cause) {
      if (!leaving.signal.aborted) throw cause;
    } finally {
      clearTimeout(timer);
      leaving.abort();
    }
    return text;
  },
  WebSocket: async (query, role, timeoutMs) => {
    const client = sockets.get(role);
    if (client === undefined) throw new Error(`${role} is not connected`);
    const id = `${client.messages.length} ${query}`;
    client.subscribe(id, query);
    const told = () => client.messages.filter((message) => message.id === id);
    const deadline = Date.now() + timeoutMs;
    while (told().length === 0 && Date.now() < deadline) await pause(5);
    client.send({ id, type: 'complete' });
    return told().length === 0 ? '' : JSON.stringify(told());
  },
};

async function post(
  query: string,
  role: UserRole,
  accept: string,
  signal: AbortSignal | null = null,
): Promise<Response> {
  return fetch(`${stage.address}/graphql`, {
    method: 'POST',
    headers: { ...bearer(role), 'content-type': 'application/json', accept },
    body: JSON.stringify({ query }),
    signal,
  });
}

function isNonNullArgument({
  type,
  defaultValue,
}: {
  readonly type: GraphQLInputType;
  readonly defaultValue?: unknown;
}) {
  return isNonNullType(type) && defaultValue === undefined;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function answerOf(method: string, { path, body }: Address, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = body !== undefined && method === 'POST' ? { 'content-type': 'application/json' } : {};
    const asked = request(`${stage.address}${path}`, { method, headers: { ...headers, ...sent } }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      resolve({ status: response.statusCode ?? 0, text });
    });
    asked.on('error', reject);
    asked.end(method === 'POST' ? body : undefined);
  });
}

describe('what a role may do', () => {
  it('is told of every query, mutation, subscription and address, and of every other field that needs a permission', () => {
    const fields = Object.values(schema.getTypeMap())
      .filter(isObjectType)
      .flatMap((type) =>
        Object.values(type.getFields())
          .filter((field) => ROOT_NAMES.includes(type.name) || needOf(field) !== null)
          .map((field) => `${type.name}.${field.name}`),
      );
    expect(Object.keys(FIELDS).sort()).toEqual(fields.sort());
    expect(Object.keys(ADDRESSES)).toEqual([...ROUTES]);
  });

  const cases = Object.keys(FIELDS).flatMap((name) => USER_ROLES.map((role) => ({ name, role })));
  it.each(cases)('$name by $role', async ({ name, role }) => {
    const isAllowed = rank(role) <= rank(FIELDS[name] ?? 'ADMIN');
    const isSubscription = name.startsWith('Subscription.');
    const isHidden = name === 'Cluster.loginPrompt';
    const isNested = !ROOT_NAMES.includes(name.split('.')[0] ?? '');
    for (const [transport, ask] of Object.entries(TRANSPORTS)) {
      const mayBeQuiet = isSubscription && isAllowed;
      const text = await ask(operationFor(name), role, mayBeQuiet ? QUIET_MS : DEADLINE_MS);
      if (!mayBeQuiet) expect(text, transport).not.toBe('');
      if (isSubscription && transport === 'HTTP') {
        expect(text, transport).toContain('NOT_ACCEPTABLE');
        continue;
      }
      expect(text, transport).not.toMatch(/GRAPHQL_(VALIDATION|PARSE)_FAILED|UNAUTHENTICATED|INTERNAL/);
      expect(text.includes('FORBIDDEN'), `${transport}: ${text}`).toBe(!isAllowed && !isHidden);
      if (!isAllowed && !isHidden) expect(text, transport).toMatch(/Only an? .+ may \w/);
      if (isNested) expect(text.includes(`"${name.split('.')[1]}":{`), transport).toBe(isAllowed);
    }
  });

  it.each(ROUTES)('the address %s, by every method', async (route) => {
    const address = ADDRESSES[route];
    const { role: least, methods } = address;
    for (const method of REQUEST_METHODS) {
      const nobody = await answerOf(method, address, {});
      if (least === null) expect(nobody.status, method).not.toBe(401);
      else expect(nobody.status, method).toBe(401);
      for (const role of USER_ROLES) {
        const { status } = await answerOf(method, address, bearer(role));
        const isAllowed = least === null || rank(role) <= rank(least);
        expect([401, 403].includes(status), `${method} by ${role}: ${status}`).toBe(!isAllowed);
        if (!isAllowed) continue;
        expect(status === 405, `${method} by ${role}: ${status}`).toBe(!methods.includes(method));
      }
    }
  });

  it('begins with being let in at all, which the policy is asked at every address and of every connection', async () => {
    const rule = RULES.LOOK as { role: UserRole };
    const before = rule.role;
    rule.role = 'MEMBER';
    try {
      for (const route of ROUTES) {
        const address = ADDRESSES[route];
        for (const method of REQUEST_METHODS) {
          const { status, text } = await answerOf(method, address, bearer('VIEWER'));
          if (address.role === null) expect(status, `${method} ${route}`).not.toBe(403);
          else expect(status, `${method} ${route}`).toBe(403);
          if (status === 403 && method !== 'HEAD') expect(text).toContain('Only a member or an administrator may look');
          expect((await answerOf(method, address, bearer('MEMBER'))).status, `${method} ${route}`).not.toBe(403);
        }
      }
      expect((await answerOf('GET', ADDRESSES['/readyz'], bearer('VIEWER'))).text).not.toContain('checks');
      expect((await answerOf('GET', ADDRESSES['/readyz'], bearer('MEMBER'))).text).toContain('checks');
      const socket = new SocketClient(stage.address);
      await socket.opened();
      socket.send({ type: 'connection_init', payload: bearer('VIEWER') });
      expect(await socket.closed).toBe(4403);
      const member = new SocketClient(stage.address);
      await member.init(bearer('MEMBER'));
      member.socket.terminate();
    } finally {
      rule.role = before;
    }
  });
});
