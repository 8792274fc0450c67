import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Authenticator } from '../auth/index.ts';
import { actionsOf } from '../domain/job-action.ts';
import type { JobState } from '../domain/job-state.ts';
import { may, PERMISSIONS } from '../domain/policy.ts';
import { aJob } from '../domain/testing.ts';
import { USER_ROLES, type UserRole } from '../domain/user.ts';
import { Stage } from './testing.ts';

// What the dashboard offers, it offers by these fields alone.

let stage: Stage;
beforeAll(async () => {
  const store = { secret: async () => 'a secret', ended: async () => [], end: async () => undefined };
  const authenticator = await Authenticator.open('a-token-for-tests-only', store);
  vi.spyOn(authenticator, 'authenticate').mockImplementation(({ authorization }) => {
    const role = USER_ROLES.find((one) => authorization === `Bearer ${one}`);
    if (role === undefined) return { kind: 'anonymous', why: 'missing' };
    return { kind: 'viewer', viewer: { id: role, name: role, role }, session: null };
  });
  stage = await Stage.open(undefined, { authenticator });
});
afterAll(() => stage?.[Symbol.asyncDispose]());

async function ask<T>(role: UserRole, query: string, variables: object = {}): Promise<T> {
  const response = await fetch(`${stage.address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${role}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: T; errors?: unknown };
  expect(errors).toBeUndefined();
  return data;
}

/** A job's actions, as a user of that role is told. */
async function actionsFor(role: UserRole, id: string): Promise<readonly string[]> {
  const query = 'query ($id: ID!) { job(id: $id) { actions } }';
  return (await ask<{ job: { actions: readonly string[] } }>(role, query, { id: encodeGlobalID('Job', id) })).job
    .actions;
}

describe('every user is told', () => {
  it.each(USER_ROLES)('what the policy permits: %s', async (role) => {
    const { viewer } = await ask<{ viewer: { permissions: readonly string[] } }>(role, '{ viewer { permissions } }');
    expect(viewer.permissions).toEqual(PERMISSIONS.filter((one) => may({ user: { id: role, name: role, role } }, one)));
  });

  it('what to do with a job, of an array by all of its tasks, and nothing where it would be refused', async () => {
    const job = aJob({ state: 'HELD' });
    const array = aJob({ state: 'RUNNING', resources: { ...aJob().resources, array: '0-3' } });
    const states: readonly JobState[] = ['RUNNING', 'PENDING', 'PENDING', 'COMPLETED'];
    const tasks = states.map((state, index) =>
      aJob({ state, arrayParentId: array.id, arrayTaskId: index, slurmJobId: `1234_${index}` }),
    );
    await stage.create([job, array, ...tasks]);
    for (const role of ['ADMIN', 'MEMBER'] as const) {
      expect(await actionsFor(role, job.id)).toEqual(actionsOf(job, []));
      expect(await actionsFor(role, array.id)).toEqual(['CANCEL', 'HOLD', 'REQUEUE', 'UPDATE', 'ARCHIVE']);
    }
    for (const { id } of [job, array]) expect(await actionsFor('VIEWER', id)).toEqual([]);
  });

  it('that an active job is stale where its cluster is no longer configured', async () => {
    const job = aJob({ state: 'RUNNING', clusterName: 'gone' });
    const over = aJob({ state: 'COMPLETED', clusterName: 'gone' });
    await stage.create([job, over]);
    const query = 'query ($filter: JobFilter) { jobs(filter: $filter) { nodes { isStale cluster { isStale } } } }';
    const { jobs } = await ask<{ jobs: { nodes: unknown } }>('VIEWER', query, { filter: { clusters: ['gone'] } });
    expect(jobs.nodes).toEqual([
      { isStale: false, cluster: { isStale: true } },
      { isStale: true, cluster: { isStale: true } },
    ]);
  });
});
