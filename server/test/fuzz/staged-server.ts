import { chmod, mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JOB_STATES } from '../../src/domain/job-state.ts';
import { aJob, aProject } from '../../src/domain/testing.ts';
import { ERROR_CODES } from '../../src/graphql/error-codes.ts';
import { eventCursor } from '../../src/graphql/job/list.ts';
import { Store } from '../../src/store/index.ts';
import { encodeCursor } from '../../src/store/keyset.ts';
import { insertJobs } from '../../src/store/testing.ts';
import { TestServer } from '../support/server.ts';

/** Longer than any answer takes, on a machine that does other things. */
export const PATIENCE_MS = 60_000;

const JOBS = JOB_STATES.map((state, index) => ({
  state,
  id: `01K000000000000000000000${String(index).padStart(2, '0')}`,
}));
const PROJECT = '01K00000000000000000000P01';
const idOf = (typename: string, id: string) => Buffer.from(`${typename}:${id}`).toString('base64');

/** What the server knows of, and what looks like it. */
export const WORDS = [
  ...[
    'alpha',
    'gone',
    'model',
    'train',
    '1234',
    '1234_7',
    '1234+1',
    'a'.repeat(300),
    '',
    ' ',
    '*',
    '%',
    '--gres=gpu:1',
  ],
  ...JOBS.map(({ id }) => idOf('Job', id)),
  ...[idOf('Project', PROJECT), idOf('User', 'administrator'), idOf('Cluster', 'alpha'), idOf('Job', ''), 'Sm9iOg=='],
  ...[
    eventCursor(0),
    eventCursor(3),
    eventCursor(10 ** 14),
    '-',
    'W10',
    '/no/such/directory',
    'sleep 1',
    '0-9%3',
    '0-99999999',
  ],
  ...[
    encodeCursor({ order: 'SUBMITTED_AT', asOf: 0, values: [1, 'a'] }),
    encodeCursor({ order: '', asOf: 0, values: [] }),
  ],
  ...[
    '#!/bin/bash\n#SBATCH --gpus=2\nhostname',
    '\ud800',
    '\0',
    'ⅷ',
    '1e5',
    'NaN',
    '$(id)',
    'PATH',
    '2026-01-31T12:00:00Z',
  ],
];

/** A server with a job in each state, on a cluster that answers nothing. */
export async function startServer(): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'slurmql-fuzz-'));
  const data = join(directory, 'data');
  await mkdir(data, { mode: 0o700 });
  const store = await Store.open(join(data, 'slurmql.sqlite'));
  await store.projects.save(aProject({ id: PROJECT, name: 'model', path: '/no/such/directory' }));
  const jobs = JOBS.map(({ id, state }) => aJob({ id, state, projectId: PROJECT, clusterName: 'alpha' }));
  await insertJobs(store, jobs);
  await store.close();
  for (const name of await readdir(data)) await chmod(join(data, name), 0o600);
  // Nothing listens on this port of the host's own.
  return TestServer.start('clusters: { alpha: { host: 127.0.0.1, port: 1, user: nobody } }\n', directory);
}

export interface Result {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[];
}

/** Its errors are those of the list, and none is the server's own. Null: there is no answer yet, nor has there to be. */
export function expectAnswer(result: Result | null): void {
  for (const { message, extensions } of result?.errors ?? []) {
    const code = extensions?.['code'];
    const isKnown = typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
    if (!isKnown || code === 'INTERNAL_SERVER_ERROR') throw new Error(`${String(code)}: ${message}`);
  }
}

/** What the server has logged from there on tells of no fault of its own. */
export function expectNoFault(server: TestServer, from: number): void {
  const faults = server.errors.slice(from).match(/^\{"level":"?(?:50|60|error|fatal)\b.*$/gm);
  if (faults !== null) throw new Error(`the server logs ${faults.join('\n')}`);
}
