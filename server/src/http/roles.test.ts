import {
  type GraphQLField,
  type GraphQLInputType,
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Authenticator } from '../auth/index.ts';
import { aJob } from '../domain/testing.ts';
import { USER_ROLES, type UserRole } from '../domain/user.ts';
import { schema } from '../graphql/index.ts';
import { ROUTES, type Route } from './paths.ts';
import { Stage } from './testing.ts';

/** The least role that may: of each field of Query, Mutation and Subscription. */
const FIELDS: Readonly<Record<string, UserRole>> = {
  'Query.cluster': 'VIEWER',
  'Query.clusters': 'VIEWER',
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
  'Mutation.removeProject': 'MEMBER',
  'Mutation.requeueJob': 'MEMBER',
  'Mutation.resubmitJob': 'MEMBER',
  'Mutation.submitJob': 'MEMBER',
  'Mutation.syncProject': 'MEMBER',
  'Mutation.testCluster': 'ADMIN',
  'Mutation.unarchiveJobs': 'MEMBER',
  'Mutation.updateProject': 'MEMBER',
  'Subscription.clusterStatus': 'VIEWER',
  'Subscription.configurationFault': 'ADMIN',
  'Subscription.jobEvents': 'VIEWER',
  'Subscription.jobStatus': 'VIEWER',
  'Subscription.logTail': 'VIEWER',
};

/** The same of each address; null: nobody is asked who they are. */
const ADDRESSES: Readonly<Record<Route, { readonly path: string; readonly role: UserRole | null }>> = {
  '/graphql': { path: '/graphql?query={__typename}', role: 'VIEWER' },
  '/session': { path: '/session', role: null },
  '/healthz': { path: '/healthz', role: null },
  '/readyz': { path: '/readyz', role: null },
  '/metrics': { path: '/metrics', role: 'VIEWER' },
  '/jobs/*.log': { path: '/jobs/x/stdout.log', role: 'VIEWER' },
  files: { path: '/', role: null },
};

const ROOTS = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].filter(
  (type) => type != null,
);

let stage: Stage;
beforeAll(async () => {
  const store = { secret: async () => 'a secret', ended: async () => [], end: async () => undefined };
  const authenticator = await Authenticator.open('a-token-for-tests-only', store);
  // Nobody has another role than the administrator's yet: the token of each is its name.
  vi.spyOn(authenticator, 'authenticate').mockImplementation(({ authorization }) => {
    const role = USER_ROLES.find((one) => authorization === `Bearer ${one}`);
    if (role === undefined) return { kind: 'anonymous', why: 'missing' };
    return { kind: 'viewer', viewer: { id: role, name: role, role }, session: null };
  });
  stage = await Stage.open(undefined, { authenticator });
});
afterAll(() => stage?.[Symbol.asyncDispose]());

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

/** What the field of that name is answered with, as text. */
async function answer(name: string, role: UserRole): Promise<string> {
  const [parent = '', fieldName = ''] = name.split('.');
  const field = ROOTS.find((type) => type.name === parent)?.getFields()[fieldName];
  if (field === undefined) throw new Error(`There is no ${name}`);
  const given = field.args
    .filter(isNonNullArgument)
    .map((one) => `${one.name}: ${leastOf(one.type, `${fieldName}.${getNamedType(one.type).name}`)}`);
  const query = `${parent.toLowerCase()} { ${fieldName}${given.length > 0 ? `(${given.join()})` : ''} ${selectionOf(field)} }`;
  const leaving = new AbortController();
  const response = await fetch(`${stage.address}/graphql`, {
    method: 'POST',
    headers: {
      ...bearer(role),
      'content-type': 'application/json',
      accept: parent === 'Subscription' ? 'text/event-stream' : 'application/json',
    },
    body: JSON.stringify({ query }),
    signal: leaving.signal,
  });
  if (parent !== 'Subscription') return response.text();
  // A refusal is the first that comes; what is allowed may have nothing to tell.
  let text = '';
  const decoder = new TextDecoder();
  const quiet = setTimeout(() => leaving.abort(), 500);
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes('data:')) break;
    }
  } catch (cause) {
    if (!leaving.signal.aborted) throw cause;
  } finally {
    clearTimeout(quiet);
    leaving.abort();
  }
  return text;
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

describe('what a role may do', () => {
  it('is told of every query, mutation, subscription and address', () => {
    const fields = ROOTS.flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name}.${field}`));
    expect(Object.keys(FIELDS).sort()).toEqual(fields.sort());
    expect(Object.keys(ADDRESSES)).toEqual([...ROUTES]);
  });

  const cases = Object.keys(FIELDS).flatMap((name) => USER_ROLES.map((role) => ({ name, role })));
  it.each(cases)('$name by $role', async ({ name, role }) => {
    const isAllowed = rank(role) <= rank(FIELDS[name] ?? 'ADMIN');
    const text = await answer(name, role);
    expect(text).not.toMatch(/GRAPHQL_(VALIDATION|PARSE)_FAILED|UNAUTHENTICATED|INTERNAL/);
    expect(text.includes('FORBIDDEN')).toBe(!isAllowed);
    if (!isAllowed) expect(text).toMatch(/Only an? .+ may \w/);
  });

  it.each(ROUTES)('the address %s', async (route) => {
    const { path, role: least } = ADDRESSES[route];
    const status = async (headers: Record<string, string>) =>
      (await fetch(`${stage.address}${path}`, { headers })).status;
    if (least === null) expect(await status({})).not.toBe(401);
    else expect(await status({})).toBe(401);
    for (const role of USER_ROLES) {
      const isAllowed = least === null || rank(role) <= rank(least);
      expect([401, 403].includes(await status(bearer(role)))).toBe(!isAllowed);
    }
  });
});
