import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { type GraphQLNamedType, getNamedType, isLeafType, isObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SYSTEM } from '../domain/actor.ts';
import { aJob, aProject } from '../domain/testing.ts';
import { schema } from '../graphql/index.ts';
import { Store } from '../store/index.ts';
import { Stage, TOKEN } from './testing.ts';

const HEAD = { sha: 'a'.repeat(40), subject: 'Begin', author: 'Ada', committedAt: new Date() };
const project = aProject({ git: { ...aProject().git, headCommit: HEAD } });
const array = aJob({ projectId: project.id, resources: { ...aJob().resources, array: '0-1' } });
const job = aJob({ projectId: project.id, arrayParentId: array.id, arrayTaskId: 0 });

let directory: string;
let file: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-values-'));
  file = join(directory, 'slurmql.db');
  await using stage = await Stage.open(file);
  await stage.store.projects.save(project);
  await stage.create([array, job]);
  const startedAt = new Date();
  await stage.change(job.id, {
    state: 'RUNNING',
    attempt: 3,
    startedAt,
    evidence: { source: 'SQUEUE', word: 'RUNNING', seenAt: startedAt },
  });
  await stage.journal.write(SYSTEM, (writer) =>
    writer.saveAttempts(
      job.id,
      [1, 2].map((number) => ({
        ...{ number, outcome: 'NODE_FAIL', exitCode: 1, signal: null },
        ...{ startedAt, endedAt: startedAt, nodeList: 'node1' },
      })),
    ),
  );
});
afterAll(() => rm(directory, { recursive: true }));

/** Every field that is a value, down to a depth, without those that need a cluster. */
function valuesOf(type: GraphQLNamedType | undefined, depth: number): string {
  if (!isObjectType(type)) throw new Error(`${type} has no fields`);
  return Object.values(type.getFields())
    .flatMap(({ name, args, type: fieldType }) => {
      const inner = getNamedType(fieldType);
      if (inner.name === 'Cluster' || ['log', 'logAbsence'].includes(name)) return [];
      if (args.some(({ defaultValue, type: wanted }) => String(wanted).endsWith('!') && defaultValue === undefined))
        return [];
      if (isLeafType(inner)) return [name];
      return isObjectType(inner) && depth > 0 ? [`${name} { ${valuesOf(inner, depth - 1)} }`] : [];
    })
    .join(' ');
}

const LISTS = `{
  jobs(filter: { includeArrayTasks: true }) { totalCount nodes { ${valuesOf(schema.getType('Job'), 1)} } }
  projects { nodes { ${valuesOf(schema.getType('Project'), 1)} } }
}`;

async function ask(stage: Stage) {
  const response = await fetch(`${stage.address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    // Asked for anew each time, as the store can't know of what is written past it.
    body: JSON.stringify({ query: `${LISTS} # ${Math.random()}` }),
  });
  return (await response.json()) as {
    readonly data?: { readonly jobs: { readonly totalCount: number } };
    readonly errors?: readonly unknown[];
  };
}

/** Puts a value where nothing of ours would, and back what was there once all is done. */
async function whileStored(table: string, column: string, values: readonly unknown[], look: () => Promise<void>) {
  const raw = new SqliteDatabase(file);
  const before = raw.prepare(`select ${column}, rowid from ${table}`).raw().all();
  try {
    for (const value of values) {
      raw.prepare(`update ${table} set ${column} = ?`).run(value);
      await look();
    }
  } finally {
    for (const row of before) raw.prepare(`update ${table} set ${column} = ? where rowid = ?`).run(row);
    raw.close();
  }
}

const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  jobs: [
    ...['attempt', 'exit_code', 'signal', 'array_task_id'],
    ...['nodes', 'max_nodes', 'tasks', 'cpus_per_task', 'memory_mb', 'gpus', 'gpus_total', 'gpus_per_task'],
    ...['time_limit_minutes', 'submitted_at', 'started_at', 'ended_at', 'estimated_start_at', 'evidence_seen_at'],
  ],
  job_attempts: ['exit_code', 'signal', 'started_at', 'ended_at'],
  projects: ['head_committed_at', 'synced_at'],
};
const VALUES = [3e9, -3e9, 1e300, -1e300, Number.POSITIVE_INFINITY, 0.5, 2 ** 53 + 2, 8.64e15 + 1, 'many'];

const TEXTS: readonly (readonly [string, string, string])[] = [
  ['jobs', 'allocated', '{"cpus":3e9,"memoryMb":1e300,"gpus":[{"gpuType":"a","count":1e12}],"timeLimitSeconds":1e300}'],
  // As infinity is written in JSON.
  ['jobs', 'allocated', '{"cpus":1,"memoryMb":1,"gpus":[{"gpuType":"a","count":null}],"timeLimitSeconds":1}'],
  ['jobs', 'allocated', '{"cpus":"many"}'],
  ['jobs', 'allocated', '{'],
  ['jobs', 'components', '[{"offset":1}]'],
  [
    'jobs',
    'components',
    JSON.stringify([
      {
        ...{ offset: 3e9, state: 'RUNNING', word: 'RUNNING', reason: null, exitCode: 3e9, signal: -3e9, attempt: 3e9 },
        ...{ startedAt: 1e300, endedAt: -1e300, estimatedStartAt: 8.64e15 + 1, nodeList: null, partition: null },
      },
    ]),
  ],
  ['projects', 'branches', '[1]'],
];

describe('a stored value that no answer has a place for', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(file);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it.each(Object.entries(NUMBERS).flatMap(([table, columns]) => columns.map((column) => [table, column] as const)))(
    'in %s.%s breaks no list',
    async (table, column) => {
      await whileStored(table, column, VALUES, async () => {
        const { data, errors } = await ask(stage);
        expect(errors).toBeUndefined();
        expect(data?.jobs.totalCount).toBe(2);
      });
    },
  );

  it.each(TEXTS)('in %s.%s breaks no list: %s', async (table, column, value) => {
    await whileStored(table, column, [value], async () => expect((await ask(stage)).errors).toBeUndefined());
  });
});

describe('a database with numbers that a cluster once told and that can not be', () => {
  it('is mended when it is opened: nothing else in it changes', async () => {
    const before = await read();
    const raw = new SqliteDatabase(file);
    raw
      .prepare('update jobs set attempt = 3000000000, exit_code = 3000000000, signal = -3000000000 where id = ?')
      .run(job.id);
    raw.prepare('update jobs set ended_at = 1e300, estimated_start_at = -1 where id = ?').run(job.id);
    raw.prepare(`update jobs set nodes = 3000000000 where id = ?`).run(array.id);
    const attempt = raw.prepare(
      'insert into job_attempts (job_id, number, outcome, exit_code, signal, started_at, ended_at) values (?, ?, ?, ?, 9, ?, 5)',
    );
    attempt.run(job.id, 4_000_000_000, 'FAILED', 1e300, 8.64e15 + 1);
    attempt.run(job.id, 3_000_000_000, 'TIMEOUT', 7, 4);
    const newest = raw.prepare('select max(name) from kysely_migration').pluck().get();
    // A new migration is undone here as well; its number columns belong to NUMBERS.
    raw.prepare(`delete from kysely_migration where name >= '0010'`).run();
    raw.prepare('drop table session_secret').run();
    raw.prepare('drop table cluster_logins').run();
    raw.prepare('alter table job_events drop column actor_id').run();
    raw.prepare('alter table job_events drop column request').run();
    raw.prepare('alter table jobs drop column tags').run();
    raw.prepare('alter table job_submissions drop column cluster_facts').run();
    raw.prepare('drop index jobs_before_submission').run();
    for (const column of ['tags', 'uncommitted_files', 'fault_status', 'fault_message'])
      raw.prepare(`alter table projects drop column ${column}`).run();
    expect(newest, 'a new migration is to be undone here, too').toBe('0019-words-of-arrays');
    raw.close();

    const { jobs, attempts } = await read();
    expect(jobs[0]).toEqual({ ...before.jobs[0], resources: { ...array.resources, nodes: 3_000_000_000 } });
    expect(jobs[1]).toEqual({ ...before.jobs[1], attempt: 5, exitCode: null, signal: null, endedAt: null });
    const kept = { signal: 9, endedAt: new Date(5), nodeList: null };
    expect(attempts).toEqual([
      ...before.attempts,
      { ...kept, number: 3, outcome: 'TIMEOUT', exitCode: 7, startedAt: new Date(4) },
      { ...kept, number: 4, outcome: 'FAILED', exitCode: null, startedAt: null },
    ]);
  });

  async function read() {
    const store = await Store.open(file);
    const jobs = await store.jobs.getMany([array.id, job.id]);
    const attempts = (await store.jobs.closedAttempts([job.id])).get(job.id) ?? [];
    await store.close();
    return { jobs, attempts };
  }
});
