import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aJob, aProject } from '../src/domain/testing.ts';
import { memoryDuring } from './support/memory.ts';
import { directoryOf } from './support/recorded.ts';
import { type GraphQLAnswer, TestServer } from './support/server.ts';
import { leastWork, type Work } from './support/server-work.ts';

const MIB = 1024 ** 2;
const SCRIPT = `#!/bin/bash\n${'x'.repeat(60_000)}`;
const project = aProject({ name: 'large' });
const array = aJob({ resources: { ...aJob().resources, array: '0-499' } });
const jobs = Array.from({ length: 600 }, (_, index) =>
  aJob({ name: `job-${index}`, projectId: project.id, basedOnId: array.id, command: `run ${'y'.repeat(4000)}` }),
);

let server: TestServer;
/** Of the largest list that a notebook asks for. */
let ordinary: Work;
let mostHeldMs: number;

beforeAll(async () => {
  const tasks = Array.from({ length: 500 }, (_, index) => aJob({ arrayParentId: array.id, arrayTaskId: index }));
  const directory = await directoryOf({ project, jobs: [array, ...jobs], tasks, script: SCRIPT });
  server = await TestServer.start('clusters: {}\n', directory);
  const list = '{ jobs(first: 500) { nodes { id name state command submittedAt project { name } } } }';
  const ask = async () => void (await server.send(`${list} # ${Math.random()}`));
  await ask();
  ordinary = await leastWork(server, 3, ask);
  mostHeldMs = 5 * ordinary.heldMs + 100;
});
afterAll(() => server[Symbol.asyncDispose]());

interface Operation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

const times = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, at) => part(at)).join(' ');
const PROJECT = encodeGlobalID('Project', project.id);
const JOB = encodeGlobalID('Job', jobs[0]?.id ?? '');
const same = (id: string, count: number) => ({ ids: Array<string>(count).fill(id) });
const OF_PROJECTS =
  'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Project { jobs(first: 500) { nodes { id script } } } } }';
const SCRIPTS = 'jobs(first: 500) { nodes { script } }';

/** By kind. The first ones come to more than is given; of the others each is much, and is answered. */
const REFUSED: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  lists: {
    'of one project a thousand times, with its jobs': { query: OF_PROJECTS, variables: same(PROJECT, 8000) },
    'of ids in the document': {
      query: `{ nodes(ids: [${`"${PROJECT}" `.repeat(500)}]) { ... on Project { jobs(first: 500) { nodes { id script } } } } }`,
    },
    'beside a field that fails': {
      query: `query ($ids: [ID!]!, $no: ID = "x") { node(id: $no) { id } nodes(ids: $ids) { ... on Project { jobs(first: 500) { nodes { id script } } } } }`,
      variables: { ...same(PROJECT, 500), no: null },
    },
    'beside a page of less than nothing': {
      query: `query ($ids: [ID!]!) { jobs(first: -2000000000) { totalCount } nodes(ids: $ids) { ... on Project { jobs(first: 500) { nodes { id name } } } } }`,
      variables: same(PROJECT, 500),
    },
    'in a default': {
      query: `query ($ids: [ID!]! = [${`"${PROJECT}" `.repeat(500)}]) { nodes(ids: $ids) { ... on Project { jobs(first: 500) { nodes { id } } } } }`,
    },
    'within lists': { query: '{ jobs(first: 500) { nodes { tasks(first: 500) { nodes { id } } } } }' },
    'of a change': {
      query: 'mutation ($ids: [ID!]!) { archiveJobs(input: { ids: $ids }) { results { job { id script name } } } }',
      variables: same(JOB, 5000),
    },
    'of introspection': {
      query: `{ ${times(90, (at) => `a${at}: __schema { types { ...T } }`)} } fragment T on __Type { name fields { name description args { name } } }`,
    },
  },
  'filters and arguments': {
    'with long lists': {
      query: `query ($f: JobFilter) { ${times(90, (at) => `a${at}: jobs(filter: $f) { totalCount }`)} }`,
      variables: { f: { clusters: Array<string>(900).fill('alpha') } },
    },
    'with longer lists than are taken': {
      query: 'query ($f: JobFilter) { jobs(filter: $f) { totalCount } }',
      variables: { f: { partitions: Array<string>(40_000).fill('gpu') } },
    },
    'with long texts': {
      query: `query ($s: String) { ${times(100, (at) => `a${at}: jobs(filter: { search: $s }) { totalCount }`)} }`,
      variables: { s: 'word '.repeat(150_000) },
    },
    'written once and spread often': {
      query: `{ ${times(130, () => '...F')} } fragment F on Query { jobs(first: 0, filter: { clusters: [${'"" '.repeat(4700)}] }) { __typename } }`,
    },
    'with many states': {
      query: `query ($s: [JobState!]) { ${times(50, (at) => `a${at}: jobs(filter: { states: $s }) { totalCount }`)} }`,
      variables: { s: Array<string>(40_000).fill('RUNNING') },
    },
    'of more values than are taken': {
      query: 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }',
      variables: same('x', 20_000),
    },
    'that are deep': {
      query: 'query ($f: JobFilter) { jobs(filter: $f) { totalCount } }',
      variables: { f: { states: JSON.parse(`${'['.repeat(2000)}${']'.repeat(2000)}`) } },
    },
  },
  'values that do not fit': {
    'of unknown fields': {
      query: 'query ($f: JobFilter) { jobs(filter: $f) { totalCount } }',
      variables: { f: unknownFields(9000) },
    },
    'of unknown fields in a list': {
      query: 'mutation ($i: SubmitJobInput!) { submitJob(input: $i) { job { id } } }',
      variables: {
        i: { cluster: 'alpha', command: 'a', environment: Array.from({ length: 90 }, () => unknownFields(90)) },
      },
    },
    'of unknown fields of a change': {
      query: 'mutation ($i: SubmitJobInput!) { submitJob(input: $i) { job { id } } }',
      variables: { i: unknownFields(9000) },
    },
    'of another type, many': {
      query: 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }',
      variables: { ids: Array.from({ length: 9000 }, () => ({})) },
    },
    'of no such word, many': {
      query: 'query ($s: [JobState!]) { jobs(filter: { states: $s }) { totalCount } }',
      variables: { s: Array.from({ length: 9000 }, (_, index) => `NO_STATE_${index}`) },
    },
    'of a number that is long': {
      query: `query ($n: String) { ${times(12, (at) => `a${at}: job(cluster: "alpha", slurmJobId: $n) { id }`)} }`,
      variables: { n: '0'.repeat(900_000) },
    },
    'of a cursor that is long': {
      query: 'query ($c: String) { jobs(first: 1, after: $c) { totalCount } }',
      variables: { c: Buffer.from(`["a",1,${'[],'.repeat(200_000)}[]]`).toString('base64url') },
    },
    'of a name that is long': {
      query: `query ($n: String!) { ${times(12, (at) => `a${at}: cluster(name: $n) { id } b${at}: project(name: $n) { id }`)} }`,
      variables: { n: 'a'.repeat(900_000) },
    },
  },
  'large fields': {
    'of many jobs': { query: `{ ${times(4, (at) => `a${at}: ${SCRIPTS}`)} }` },
    'by many names': { query: `{ jobs(first: 40) { nodes { ${times(50, (at) => `a${at}: script`)} } } }` },
    'of one job, by many names of many': {
      query: `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Job { ${times(5, (at) => `a${at}: script`)} } } }`,
      variables: same(JOB, 400),
    },
    'of commands': { query: `{ ${times(20, (at) => `a${at}: jobs(first: 500) { nodes { command } }`)} }` },
    'of commands by many names': {
      query: `{ jobs(first: 500) { nodes { ${times(90, (at) => `a${at}: command`)} } } }`,
    },
    'of the job that others were made from': {
      query: `{ ${times(5, (at) => `a${at}: jobs(first: 500) { nodes { basedOn { id } a: command b: command } }`)} }`,
    },
  },
};

/** An object of fields that no input has. */
function unknownFields(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index.toString(36)}`, 1]));
}

const ANSWERED: Readonly<Record<string, Operation>> = {
  'many pages': { query: `{ ${times(12, (at) => `a${at}: jobs(first: 500) { nodes { id } }`)} }` },
  'many counts': { query: `{ ${times(100, (at) => `a${at}: jobs(filter: { search: "job ${at}" }) { totalCount }`)} }` },
  'many tasks': {
    query: `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Job { tasks(first: 20) { nodes { id } } } } }`,
    variables: same(encodeGlobalID('Job', array.id), 600),
  },
  'many ids that are none': { query: 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', variables: same('x', 9_000) },
  'many fields of many': { query: `{ jobs(first: 500) { nodes { ${times(80, (at) => `a${at}: state`)} } } }` },
  'many rows behind rows': {
    query: `{ ${times(6, (at) => `a${at}: jobs(first: 500) { nodes { basedOn { id } attempts { number } } }`)} }`,
  },
};

const another = ({ query, variables }: Operation): [string, Operation['variables']] => [
  `${query} # ${Math.random()}`,
  variables,
];

async function attack(operation: Operation): Promise<{ answer: GraphQLAnswer<unknown>; work: Work; memory: number }> {
  let answer: GraphQLAnswer<unknown> = {};
  let work: Work | undefined;
  const ask = async () => {
    answer = await server.send(...another(operation));
  };
  const memory = await memoryDuring(server, async () => {
    work = await leastWork(server, 8, ask, ({ heldMs }) => heldMs < mostHeldMs);
  });
  if (work === undefined) throw new Error('nothing was measured');
  return { answer, work, memory };
}

describe.each(Object.entries(REFUSED))('hostile operations: %s', (_kind, operations) => {
  it.each(Object.entries(operations))(
    '%s: are refused before they cost anybody else anything',
    async (_what, operation) => {
      const { answer, work, memory } = await attack(operation);
      // Not the answers themselves: told as a difference, they would be many megabytes.
      const codes = new Set(answer.errors?.map(({ extensions }) => extensions?.['code']));
      expect([...codes]).toEqual([expect.stringMatching(/^(LIMIT_EXCEEDED|BAD_USER_INPUT)$/)]);
      expect(Object.values(answer.data ?? {}).filter((value) => value !== null)).toEqual([]);
      expect(work.heldMs).toBeLessThan(mostHeldMs);
      expect(memory).toBeLessThan(300 * MIB);
      expect(work.logged).toBe('');
      expect(await server.query('{ viewer { name } }')).toEqual({ viewer: { name: 'Administrator' } });
    },
  );
});

describe('hostile operations: as much as is given', () => {
  it.each(Object.entries(ANSWERED))('%s: hold up nobody', async (_what, operation) => {
    const { answer, work, memory } = await attack(operation);
    expect(answer.errors).toBeUndefined();
    expect(work.heldMs).toBeLessThan(mostHeldMs);
    expect(memory).toBeLessThan(300 * MIB);
    expect(work.logged).toBe('');
  });
});
