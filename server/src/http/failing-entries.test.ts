import { afterAll, beforeAll, expect, it } from 'vitest';
import { aJob, aProject } from '../domain/testing.ts';
import { Stage, TOKEN } from './testing.ts';

// The oldest job is answered at once. The newer ones wait for others, so that they fail after it.

let stage: Stage;
const unobserved: unknown[] = [];
const observe = (cause: unknown) => void unobserved.push(cause);
beforeAll(async () => {
  stage = await Stage.open();
  const project = aProject();
  await stage.store.projects.save(project);
  const oldest = aJob();
  await stage.create([oldest]);
  await stage.create([aJob({ basedOnId: oldest.id, projectId: project.id })]);
  await stage.create([aJob({ basedOnId: oldest.id, projectId: project.id })]);
  process.on('unhandledRejection', observe);
});
afterAll(async () => {
  process.off('unhandledRejection', observe);
  await stage[Symbol.asyncDispose]();
});

/** What waits for another job or a project, and what fails where `$v` is null. */
const SELECTIONS: Readonly<Record<string, string>> = {
  'a field that is included': '{ jobs { nodes { basedOn { id } cluster { name @include(if: $v) } } } }',
  'a field that is skipped': '{ jobs { nodes { project { id } cluster { name @skip(if: $v) } } } }',
  'an inline fragment': '{ jobs { nodes { basedOn { id } cluster { ... @include(if: $v) { name } } } } }',
  'a fragment':
    '{ jobs { nodes { project { id } cluster { ...F @include(if: $v) } } } } fragment F on Cluster { name }',
  'a field of an edge': '{ jobs { edges { node { basedOn { id } cluster { name @include(if: $v) } } } } }',
  'a field of what is awaited':
    '{ jobs { nodes { basedOn { name @include(if: $v) } cluster { name @skip(if: $v) } } } }',
};

it.each(Object.entries(SELECTIONS))(
  'entries that fail at once leave no promise behind: %s',
  async (_what, selection) => {
    const response = await fetch(`${stage.address}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: `query ($v: Boolean = true) ${selection}`, variables: { v: null } }),
    });
    const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
    expect(errors.map(({ extensions }) => extensions.code)).toContain('BAD_USER_INPUT');
    // Promises that were left behind have failed by the time that another request is answered.
    await fetch(`${stage.address}/healthz`);
    expect(unobserved).toEqual([]);
  },
);
