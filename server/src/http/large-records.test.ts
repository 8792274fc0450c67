import { setImmediate as nextTurn } from 'node:timers/promises';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import { unseenComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { aJob, aProject, NO_RESOURCES, NO_SUBMISSION } from '../domain/testing.ts';
import { insertJobs } from '../store/testing.ts';
import { Stage, TRANSPORTS } from './testing.ts';

const JOBS = 20;
/** As many as a request may have, beside the first. */
const COMPONENTS = 99;
/** Of a large operation's turn, one does something and the next one ends it. */
const LOOK_MS = 3;
const OPTIONS = Array.from({ length: 80 }, (_, at) => `"""""${at}`);

const jobs = Array.from({ length: JOBS }, (_, at) =>
  aJob({
    state: 'COMPLETED',
    slurmJobId: String(at),
    components: Array.from({ length: COMPONENTS + 1 }, (_, offset) => unseenComponent(offset)),
  }),
);
const globalId = ({ id }: Pick<Job, 'id'>) => encodeGlobalID('Job', id);
const IDS = jobs.map(globalId);

const TOO_MUCH = {
  errors: [{ message: expect.stringContaining('reads more than'), extensions: { code: 'LIMIT_EXCEEDED' } }],
};
const LONG = 'x'.repeat(10_000);

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await insertJobs(stage.store, jobs, {
    submission: {
      ...NO_SUBMISSION,
      environment: Array.from({ length: 100 }, (_, at) => ({ name: 'N'.repeat(600) + at, value: '1' })),
      extraOptions: OPTIONS,
      components: Array.from({ length: COMPONENTS }, () => ({
        partition: 'p'.repeat(250),
        resources: { ...NO_RESOURCES, gpuType: 'g'.repeat(250) },
        extraOptions: OPTIONS,
      })),
      dependsOn: Array.from({ length: 100 }, () => ({ jobId: 'another', kind: 'AFTER_OK' as const })),
    },
  });
});
afterAll(() => stage[Symbol.asyncDispose]());
afterEach(() => void vi.restoreAllMocks());

async function ask(query: string, variables: Readonly<Record<string, unknown>> = {}) {
  const answer = await TRANSPORTS['over HTTP']?.(stage.address, { query, variables });
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

const aliases = (count: number, field: string) =>
  Array.from({ length: count }, (_, at) => `a${at}: ${field}`).join(' ');

/** How often `count` was called in the fullest turn of the event loop, by a clock that goes on with each look. */
async function mostInATurn(work: () => Promise<unknown>, watch: (count: () => void) => void): Promise<number> {
  let now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += LOOK_MS;
    return now;
  });
  let [inTurn, most, isOver] = [0, 0, false];
  watch(() => {
    inTurn += 1;
    most = Math.max(most, inTurn);
  });
  const working = work().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await nextTurn();
    inTurn = 0;
  }
  await working;
  return most;
}

describe('a comparison of jobs with long lists', () => {
  const compare = 'compareJobs(ids: $ids) { __typename }';

  it('is made', async () => {
    const query = `query ($ids: [ID!]!) { ${aliases(2, 'compareJobs(ids: $ids) { differences { field } }')} }`;
    const none = { differences: [] };
    expect(await ask(query, { ids: IDS })).toEqual({ data: { a0: none, a1: none } });
  });

  it.each([12, 40])('is counted each time that it is made, also of the same jobs: %i times', async (count) => {
    expect(await ask(`query ($ids: [ID!]!) { ${aliases(count, compare)} }`, { ids: IDS })).toMatchObject(TOO_MUCH);
  });

  it('is made in turns of the event loop, job by job', async () => {
    const most = await mostInATurn(
      () => ask(`query ($ids: [ID!]!) { ${aliases(3, compare)} }`, { ids: IDS }),
      (count) => {
        const { stringify } = JSON;
        vi.spyOn(JSON, 'stringify').mockImplementation((value, ...others) => {
          if (Array.isArray(value) && value.length === COMPONENTS) count();
          return stringify(value, ...(others as []));
        });
      },
    );
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(3);
  });

  it.each([
    ['a blank', (id: string) => `${id} `],
    ['several blanks', (id: string) => `  ${id}\t`],
    ['a line end', (id: string) => `${id}\n`],
    ['padding', (id: string) => `${id}==`],
    ['without padding', (id: string) => id.replace(/=+$/, '')],
    ['what is no base64', (id: string) => `${id.slice(0, 5)}*${id.slice(5)}`],
  ])('takes each job once, however its id is written: %s', async (_what, write) => {
    const job = aJob({ id: 'job-of-tests' });
    const id = globalId(job);
    const other = write(id);
    expect(other).not.toBe(id);
    expect(await ask('query ($ids: [ID!]!) { compareJobs(ids: $ids) { __typename } }', { ids: [id, other] })).toEqual(
      expect.objectContaining({
        errors: [
          expect.objectContaining({
            message: 'ids has 2 entries, 1 of them different: name 2 to 20 jobs, each once',
            extensions: { code: 'BAD_USER_INPUT' },
          }),
        ],
      }),
    );
  });
});

describe('of a list of jobs are made in turns of the event loop', () => {
  it('their records', async () => {
    // Each dependency has its id written out.
    const most = await mostInATurn(
      () => ask(`{ jobs(first: ${JOBS}) { nodes { record } } }`),
      (count) => {
        const { from } = Buffer;
        vi.spyOn(Buffer, 'from').mockImplementation(((value: string, ...others: []) => {
          if (value === 'Job:another') count();
          return from.call(Buffer, value, ...others);
        }) as never);
      },
    );
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(300);
  });

  it('their components', async () => {
    const times = 15;
    const most = await mostInATurn(
      () => ask(`{ jobs(first: ${JOBS}) { nodes { ${aliases(times, 'components { __typename }')} } } }`),
      (count) => {
        const { map } = Array.prototype;
        vi.spyOn(Array.prototype, 'map').mockImplementation(function (this: unknown[], ...made) {
          if (this.length === COMPONENTS + 1) count();
          return map.apply(this, made);
        });
      },
    );
    // The jobs themselves are read as they are.
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(JOBS * 3);
  });
});

describe('what is read of long texts is counted, whatever is asked of them', () => {
  it.each([
    ['of a timeline', (id: string) => `job(id: "${id}") { events(first: 400) { pageInfo { hasNextPage } } }`],
    ['of a page of projects', () => 'projects(first: 400) { pageInfo { hasNextPage } }'],
    ['of found projects', () => 'projects(first: 400, search: "of-tests") { edges { cursor } }'],
    ['of projects read backwards', () => 'projects(last: 400) { pageInfo { hasNextPage } }'],
    ['of projects as nodes', () => 'nodes(ids: $ids) { __typename }'],
  ])('%s', async (_what, field) => {
    const projects = Array.from({ length: 400 }, (_, at) =>
      aProject({ name: `${_what} of-tests ${at}`, path: `/${_what}/${at}`, prologue: LONG }),
    );
    for (const project of projects) await stage.store.projects.save(project);
    const job = aJob();
    await stage.create([job]);
    await stage.journal.write(SYSTEM, async (writer) => {
      for (let at = 0; at < 400; at += 1) await writer.note(job.id, { message: LONG });
    });
    const one = field(globalId(job));
    const head = one.includes('$ids') ? 'query ($ids: [ID!]!)' : '';
    const ids = projects.map(({ id }) => encodeGlobalID('Project', id));
    expect((await ask(`${head} { ${one} }`, { ids })).errors).toBeUndefined();
    expect(await ask(`${head} { ${aliases(12, one)} }`, { ids })).toMatchObject(TOO_MUCH);
  });

  it('of a project by its name', async () => {
    await stage.store.projects.save(aProject({ name: 'one', path: '/one', prologue: 'x'.repeat(1024 ** 2) }));
    expect((await ask('{ project(name: "one") { name } }')).data).toEqual({ project: { name: 'one' } });
    expect(await ask(`{ ${aliases(40, 'project(name: "one") { name }')} }`)).toMatchObject(TOO_MUCH);
  });

  it('of the projects of jobs', async () => {
    const projects = Array.from({ length: 50 }, (_, at) =>
      aProject({ name: `${at}`, path: `/${at}`, prologue: 'x'.repeat(1024 ** 2) }),
    );
    for (const project of projects) await stage.store.projects.save(project);
    await stage.create(projects.map(({ id }) => aJob({ projectId: id, clusterName: 'beta' })));
    const query = (first: number) =>
      `{ jobs(first: ${first}, filter: { clusters: ["beta"] }) { nodes { project { name } } } }`;
    expect((await ask(query(20))).errors).toBeUndefined();
    expect(await ask(query(50))).toMatchObject(TOO_MUCH);
  });
});
