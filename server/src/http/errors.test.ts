import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { aJob } from '../domain/testing.ts';
import { ERROR_CODES } from '../graphql/index.ts';
import { JobReader } from '../store/job-reader.ts';
import { type AskedOperation, Stage, TOKEN, type ToldError, TRANSPORTS } from './testing.ts';

let stage: Stage;
const job = aJob();
const over = aJob({ state: 'COMPLETED', endedAt: new Date() });
const array = aJob({ resources: { ...aJob().resources, array: '0-1' } });
beforeAll(async () => {
  stage = await Stage.open();
  await stage.create([job, array, over]);
});
afterAll(() => stage[Symbol.asyncDispose]());
afterEach(() => void vi.restoreAllMocks());

function send(init: RequestInit & { readonly headers?: Record<string, string> }, path = '/graphql'): Promise<Response> {
  const accept = 'application/graphql-response+json';
  const headers = { authorization: `Bearer ${TOKEN}`, accept, ...init.headers };
  return fetch(`${stage.address}${path}`, { method: 'POST', ...init, headers });
}

const JSON_TYPE = { 'content-type': 'application/json' };

async function errorsOf(response: Response): Promise<readonly ToldError[]> {
  return ((await response.json()) as { errors: readonly ToldError[] }).errors;
}

/** The errors that each transport tells of an operation. */
const ERRORS = Object.fromEntries(
  Object.entries(TRANSPORTS).map(([transport, ask]) => [
    transport,
    async (operation: AskedOperation) => (await ask(stage.address, operation)).errors ?? [],
  ]),
);

const deep = `{ jobs { nodes ${'{ arrayParent '.repeat(20)}{ id }${' }'.repeat(20)} } }`;
const MANY = Array.from({ length: 60 }, (_, index) => `a${index}: name`).join(' ');
const NOBODY = encodeGlobalID('Job', 'nobody');

/** What is wrong with an operation, the code of it, and what the message names as its subject. */
const OPERATIONS: readonly (readonly [string, AskedOperation, string, RegExp])[] = [
  ['a syntax error', { query: '{ viewer {' }, 'GRAPHQL_PARSE_FAILED', /Syntax Error/],
  ['an empty document', { query: ' ' }, 'GRAPHQL_PARSE_FAILED', /Syntax Error/],
  ['a field that is not there', { query: '{ viewer { color } }' }, 'GRAPHQL_VALIDATION_FAILED', /"color"/],
  ['an argument that is not there', { query: '{ jobs(x: 1) { totalCount } }' }, 'GRAPHQL_VALIDATION_FAILED', /"x"/],
  [
    'a literal that does not fit',
    { query: '{ jobs(first: "a") { totalCount } }' },
    'GRAPHQL_VALIDATION_FAILED',
    /^Argument "first": .*Int/,
  ],
  ['a subscription to what is not there', { query: 'subscription { color }' }, 'GRAPHQL_VALIDATION_FAILED', /"color"/],
  ['a variable that is missing', { query: 'query ($id: ID!) { job(id: $id) { id } }' }, 'BAD_USER_INPUT', /\$id/],
  [
    'a variable of another type',
    { query: 'query ($n: Int) { jobs(first: $n) { totalCount } }', variables: { n: 'many' } },
    'BAD_USER_INPUT',
    /\$n/,
  ],
  [
    'a field of a variable that is not there',
    { query: 'query ($f: JobFilter) { jobs(filter: $f) { totalCount } }', variables: { f: { color: 1 } } },
    'BAD_USER_INPUT',
    /color/,
  ],
  [
    'a time that is none',
    {
      query: 'query ($t: DateTime) { jobs(filter: { submittedAfter: $t }) { totalCount } }',
      variables: { t: 'yesterday' },
    },
    'BAD_USER_INPUT',
    /\$t.*RFC 3339/,
  ],
  [
    'a variable of a subscription that is missing',
    { query: 'subscription ($id: ID!) { jobStatus(id: $id) { id } }' },
    'BAD_USER_INPUT',
    /\$id/,
  ],
  ['a cursor of another list', { query: '{ jobs(after: "x") { nodes { id } } }' }, 'BAD_USER_INPUT', /^after: .*"x"/],
  ['a page that is too long', { query: '{ jobs(first: 501) { nodes { id } } }' }, 'BAD_USER_INPUT', /first is 501/],
  [
    'an operation of another name',
    { query: 'query A { viewer { id } }', operationName: 'B' },
    'OPERATION_RESOLUTION_FAILURE',
    /operationName.*"B".*A/,
  ],
  [
    'several operations and no name',
    { query: 'query A { viewer { id } } query B { viewer { id } }' },
    'OPERATION_RESOLUTION_FAILURE',
    /operationName.*A, B/,
  ],
  ['depth', { query: deep }, 'LIMIT_EXCEEDED', /too deep/],
  [
    'cost',
    { query: '{ projects(first: 500) { nodes { jobs(first: 500) { nodes { id } } } } }' },
    'LIMIT_EXCEEDED',
    /too costly/,
  ],
  [
    'cost in ids',
    { query: `{ nodes(ids: ${JSON.stringify(Array(1000).fill('x'))}) { ... on Job { ${MANY} } } }` },
    'LIMIT_EXCEEDED',
    /too costly/,
  ],
  ['words', { query: `{ ${'viewer { id } '.repeat(2000)} }` }, 'LIMIT_EXCEEDED', /token/],
  [
    'brackets',
    { query: `{ jobs(filter: ${'['.repeat(2400)}${']'.repeat(2400)}) { totalCount } }` },
    'LIMIT_EXCEEDED',
    /nested/,
  ],
  ['a cluster that is not there', { query: '{ partitions(cluster: "x") { name } }' }, 'NOT_FOUND', /cluster "x"/],
  [
    'a job that is not there',
    { query: `{ logSearch(jobId: "x", pattern: "a") { hasMore } }` },
    'NOT_FOUND',
    /Job not found/,
  ],
  [
    'a job whose cluster is gone',
    { query: `{ job(id: "${encodeGlobalID('Job', job.id)}") { log { text } } }` },
    'CLUSTER_UNAVAILABLE',
    /alpha/,
  ],
];

describe.each(Object.entries(ERRORS))('an error %s', (transport, ask) => {
  it.each(OPERATIONS)('of %s has its code and names its subject', async (_what, operation, code, subject) => {
    if (transport.endsWith('GET') && operation.query.length > 4000) return;
    const errors = await ask(operation);
    expect(errors.length).toBeGreaterThan(0);
    for (const { message, extensions } of errors) {
      expect(extensions).toEqual({ code });
      expect(message).toMatch(subject);
    }
  });

  it('of ours is masked', async () => {
    vi.spyOn(JobReader.prototype, 'getMany').mockRejectedValue(new Error('a secret'));
    const errors = await ask({ query: `{ job(id: "${NOBODY}") { id } }` });
    expect(errors).toMatchObject([{ message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
  });
});

/** Nothing is wrong with these, but with what some of them ask for. */
const GOOD: readonly (readonly [string, AskedOperation])[] = [
  ['a query', { query: '{ viewer { name } }' }],
  ['a query of the store', { query: '{ jobs { nodes { id name state } } }' }],
  ['a query by name', { query: 'query A { viewer { name } } query B { viewer { role } }', operationName: 'B' }],
  ['a query with variables', { query: 'query ($n: Int) { jobs(first: $n) { totalCount } }', variables: { n: 1 } }],
  ['a query of which a part fails', { query: '{ viewer { name } partitions(cluster: "x") { name } }' }],
  [
    'a change that is refused',
    { query: `mutation { cancelJob(input: { id: "${NOBODY}" }) { job { id } userErrors { code message path } } }` },
  ],
];
const SUBSCRIPTIONS: readonly (readonly [string, AskedOperation])[] = [
  ['a job that is over', { query: `subscription { jobStatus(id: "${encodeGlobalID('Job', over.id)}") { state } }` }],
  ['a job that is not there', { query: `subscription { jobStatus(id: "${NOBODY}") { state } }` }],
  ['what is too long', { query: `subscription { jobEvents { cursor } } # ${'x'.repeat(70_000)}` }],
  ['a place that is none', { query: 'subscription { jobEvents(after: "x") { cursor } }' }],
];

describe('all transports', () => {
  const bad = OPERATIONS.map(([what, operation]) => [what, operation] as const);
  it.each([...GOOD, ...bad])('answer %s alike', async (_what, operation) => {
    const [first, ...others] = await answersTo(operation, ['over HTTP', 'by server-sent events', 'over WebSocket']);
    for (const answer of others) expect(answer).toEqual(first);
    expect(await answersTo(operation, ['over HTTP'])).toEqual([first]);
  });

  it.each(SUBSCRIPTIONS)('of streams answer a subscription to %s alike', async (_what, operation) => {
    const [first, second] = await answersTo(operation, ['by server-sent events', 'over WebSocket']);
    expect(second).toEqual(first);
  });
});

async function answersTo(operation: AskedOperation, transports: readonly string[]): Promise<readonly unknown[]> {
  const answers: unknown[] = [];
  for (const transport of transports) answers.push(await TRANSPORTS[transport]?.(stage.address, operation));
  for (const answer of answers) expect(answer).toEqual(expect.any(Object));
  return answers;
}

describe.each(['by server-sent events', 'over WebSocket'])('a subscription %s', (transport) => {
  const ask = (query: string) => ERRORS[transport]?.({ query });
  it('to a job that is not there says so', async () => {
    const errors = await ask(`subscription { jobStatus(id: "${NOBODY}") { id } }`);
    expect(errors).toMatchObject([{ path: ['jobStatus'], extensions: { code: 'NOT_FOUND' } }]);
  });

  it('to the log of an array says what to follow', async () => {
    const errors = await ask(`subscription { logTail(jobId: "${encodeGlobalID('Job', array.id)}") { text } }`);
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(errors?.[0]?.message).toContain('array');
  });

  it('from a place that is none names it', async () => {
    const errors = await ask('subscription { jobEvents(after: "x") { cursor } }');
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(errors?.[0]?.message).toContain('"x"');
  });

  it('masks a fault of ours, at its beginning and later', async () => {
    vi.spyOn(JobReader.prototype, 'getMany').mockRejectedValue(new Error('a secret'));
    const errors = await ask(`subscription { jobStatus(id: "${NOBODY}") { id } }`);
    expect(errors).toMatchObject([{ message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
    vi.restoreAllMocks();
    vi.spyOn(stage.journal, 'follow').mockImplementation(() => {
      throw new Error('a secret');
    });
    const later = await ask('subscription { jobEvents { cursor } }');
    expect(later).toMatchObject([{ message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
  });
});

describe('a request that is no operation', () => {
  const body = JSON.stringify({ query: '{ viewer { id } }' });
  it.each<[string, RequestInit & { headers?: Record<string, string> }, string, number, string, RegExp]>([
    [
      'without a credential',
      { body, headers: { ...JSON_TYPE, authorization: '' } },
      '/graphql',
      401,
      'UNAUTHENTICATED',
      /bearer/,
    ],
    [
      'with a wrong token',
      { body, headers: { ...JSON_TYPE, authorization: 'Bearer x' } },
      '/graphql',
      401,
      'UNAUTHENTICATED',
      /token is wrong/,
    ],
    ['without a query', { body: '{}', headers: JSON_TYPE }, '/graphql', 400, 'BAD_REQUEST', /query/],
    [
      'with a query that is no text',
      { body: '{"query":1}', headers: JSON_TYPE },
      '/graphql',
      400,
      'BAD_REQUEST',
      /query/,
    ],
    [
      'with variables that are no object',
      { body: '{"query":"{a}","variables":1}', headers: JSON_TYPE },
      '/graphql',
      400,
      'BAD_REQUEST',
      /variables/,
    ],
    [
      'with a parameter that is none',
      { body: '{"query":"{a}","q":1}', headers: JSON_TYPE },
      '/graphql',
      400,
      'BAD_REQUEST',
      /"q"/,
    ],
    ['that is no JSON', { body: '{', headers: JSON_TYPE }, '/graphql', 400, 'BAD_REQUEST', /JSON/],
    ['that is null', { body: 'null', headers: JSON_TYPE }, '/graphql', 400, 'BAD_REQUEST', /./],
    ['of several operations', { body: `[${body}]`, headers: JSON_TYPE }, '/graphql', 400, 'BAD_REQUEST', /Batching/],
    ['of parts', { body: new FormData() }, '/graphql', 415, 'UNSUPPORTED_MEDIA_TYPE', /Content-Type/],
    [
      'of a form',
      { body: new URLSearchParams({ query: '{ viewer { id } }' }) },
      '/graphql',
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      /Content-Type/,
    ],
    [
      'of a bare document',
      { body: '{ viewer { id } }', headers: { 'content-type': 'application/graphql' } },
      '/graphql',
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      /Content-Type/,
    ],
    [
      'with variables in the address that are no JSON',
      { method: 'GET', headers: { accept: 'application/json' } },
      '/graphql?query={viewer{id}}&variables=x',
      400,
      'BAD_REQUEST',
      /variables/,
    ],
    [
      'to change something by GET',
      { method: 'GET', headers: { accept: 'application/json' } },
      '/graphql?query=mutation{cancelJob(input:{id:1}){job{id}}}',
      405,
      'METHOD_NOT_ALLOWED',
      /./,
    ],
    [
      'by another method',
      { method: 'PUT', body, headers: JSON_TYPE },
      '/graphql',
      405,
      'METHOD_NOT_ALLOWED',
      /GET and POST/,
    ],
    [
      'of another type',
      { body, headers: { 'content-type': 'text/csv' } },
      '/graphql',
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      /Content-Type/,
    ],
    [
      'for another type',
      { body, headers: { ...JSON_TYPE, accept: 'image/png' } },
      '/graphql',
      406,
      'NOT_ACCEPTABLE',
      /Accept/,
    ],
    [
      'for a subscription as JSON',
      {
        body: '{"query":"subscription { jobEvents { cursor } }"}',
        headers: { ...JSON_TYPE, accept: 'application/json' },
      },
      '/graphql',
      406,
      'NOT_ACCEPTABLE',
      /event-stream/,
    ],
    [
      'of more than a MiB',
      { body: ' '.repeat(1024 ** 2 + 1), headers: JSON_TYPE },
      '/graphql',
      413,
      'PAYLOAD_TOO_LARGE',
      /1048576/,
    ],
    ['for the log of no job', { method: 'GET' }, `/jobs/${NOBODY}/stdout.log`, 404, 'NOT_FOUND', /Job not found/],
    ['to write a log', { method: 'PUT' }, `/jobs/${NOBODY}/stdout.log`, 405, 'METHOD_NOT_ALLOWED', /log/],
    ['to sign in with a wrong token', { body: '{"token":"x"}' }, '/session', 401, 'UNAUTHENTICATED', /token/],
    ['to read the session', { method: 'GET' }, '/session', 405, 'METHOD_NOT_ALLOWED', /POST/],
  ])('%s is refused with its code', async (_what, init, path, status, code, subject) => {
    const response = await send(init, path);
    const errors = await errorsOf(response);
    expect(errors).toMatchObject([{ extensions: { code } }]);
    expect(errors[0]?.message).toMatch(subject);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toMatch(/^application\/(graphql-response\+)?json/);
    if (status === 405) expect(response.headers.get('allow')).not.toBeNull();
  });

  it('tells a client that sends hashes to send its query', async () => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } };
    const refused = { message: 'PersistedQueryNotSupported', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } };
    expect(await errorsOf(await send({ headers: JSON_TYPE, body: JSON.stringify({ extensions }) }))).toEqual([refused]);
    const parameters = new URLSearchParams({ extensions: JSON.stringify(extensions), operationName: 'A' });
    const byGet = await send({ method: 'GET', headers: { accept: 'application/json' } }, `/graphql?${parameters}`);
    expect(await errorsOf(byGet)).toEqual([refused]);
    const whole = JSON.stringify({ extensions, query: '{ viewer { name } }' });
    expect(await (await send({ headers: JSON_TYPE, body: whole })).json()).toEqual({
      data: { viewer: { name: 'Administrator' } },
    });
  });
});

it('every code is a word of the list, and each has its meaning', () => {
  for (const [code, meaning] of Object.entries(ERROR_CODES)) {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(meaning).toMatch(/\.$/);
  }
});

describe('an id that nothing has', () => {
  const ids = [
    'x',
    '',
    NOBODY,
    encodeGlobalID('Cluster', 'nowhere'),
    encodeGlobalID('JobResources', '1'),
    'Ω',
    encodeGlobalID('constructor', '1'),
  ];
  const ask = async (query: string, variables: object) =>
    (await send({ headers: JSON_TYPE, body: JSON.stringify({ query, variables }) })).json();

  it.each(ids)('%j is null', async (id) => {
    expect(await ask('query ($id: ID!) { node(id: $id) { id } job(id: $id) { id } }', { id })).toEqual({
      data: { node: null, job: null },
    });
  });

  it('leaves the others of a list as they are', async () => {
    const known = encodeGlobalID('Job', job.id);
    const administrator = encodeGlobalID('User', 'administrator');
    const asked = [known, ...ids, administrator, known];
    expect(await ask('query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }', { ids: asked })).toEqual({
      data: {
        nodes: [
          { __typename: 'Job', id: known },
          ...ids.map(() => null),
          { __typename: 'User', id: administrator },
          { __typename: 'Job', id: known },
        ],
      },
    });
  });
});
