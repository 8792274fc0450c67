import { isObjectType, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { schema } from './schema.ts';
import { isAnsweredFromStore, STORED_TYPES } from './stored-answers.ts';

const isStored = (query: string) => isAnsweredFromStore(parse(query), null);

describe('an answer from the store alone', () => {
  it.each([
    '{ jobs(first: 50) { totalCount eventCursor nodes { id name state project { name } cluster { id name } } } }',
    '{ project(name: "x") { jobs { nodes { tasks { nodes { exitCode } } } } } viewer { name } }',
    '{ version job(cluster: "alpha", slurmJobId: "12") { id waitedSeconds } }',
    'query ($id: ID!) { job(id: $id) { ...Facts } } fragment Facts on Job { script attempts { number } }',
  ])('is that of %s', (query) => {
    expect(isStored(query)).toBe(true);
  });

  it.each([
    '{ clusters { name status } }',
    '{ jobs { nodes { cluster { name status } } } }',
    '{ jobs { nodes { log { text } } } }',
    '{ jobs { nodes { logAbsence } } }',
    '{ job(id: "1", waitUntilOverSeconds: 10) { state } }',
    'query ($seconds: Int = 10) { viewer { id } job(id: "1", waitUntilOverSeconds: $seconds) { state } }',
    '{ gpuAvailability(cluster: "a") { isStale } }',
    '{ __schema { queryType { name } } }',
    'query ($id: ID!) { node(id: $id) { id } }',
    'mutation { cancelJob(input: { id: "1" }) { job { id } } }',
    'subscription { jobEvents { cursor } }',
    '{ jobs { nodes { id ...Log } } } fragment Log on Job { log { text } }',
  ])('is not that of %s', (query) => {
    expect(isStored(query)).toBe(false);
  });

  it('names types and fields that there are', () => {
    for (const [name, { except }] of Object.entries(STORED_TYPES)) {
      const type = schema.getType(name);
      if (!isObjectType(type)) throw new Error(`${name} is no object type`);
      expect(Object.keys(type.getFields())).toEqual(expect.arrayContaining([...except]));
    }
  });

  it('takes no field of a job, or of the whole, that nobody has thought about', () => {
    const fieldsOf = (name: string) => {
      const type = schema.getType(name);
      return isObjectType(type) ? Object.keys(type.getFields()).sort() : [];
    };
    const advice = 'A new field: add it here with -u; if it asks a cluster, also name it in the exceptions';
    expect({ Query: fieldsOf('Query'), Job: fieldsOf('Job') }, advice).toMatchInlineSnapshot(`
      {
        "Job": [
          "actions",
          "allocated",
          "arrayParent",
          "arrayTaskId",
          "attempt",
          "attempts",
          "basedOn",
          "cluster",
          "command",
          "components",
          "derivedJobs",
          "description",
          "elapsedSeconds",
          "endedAt",
          "estimatedStartAt",
          "events",
          "evidence",
          "exitCode",
          "gitCommit",
          "hasUncommittedChanges",
          "id",
          "isActive",
          "isArchived",
          "isArray",
          "isStale",
          "log",
          "logAbsence",
          "logUrl",
          "name",
          "nodeList",
          "number",
          "partition",
          "project",
          "reason",
          "record",
          "resources",
          "script",
          "signal",
          "slurmJobId",
          "startedAt",
          "state",
          "submission",
          "submitMessage",
          "submittedAt",
          "submittedBy",
          "tags",
          "taskCounts",
          "tasks",
          "waitedSeconds",
          "workDir",
        ],
        "Query": [
          "cluster",
          "clusters",
          "compareJobs",
          "configurationFault",
          "gpuAvailability",
          "job",
          "jobs",
          "logSearch",
          "node",
          "nodes",
          "partitions",
          "project",
          "projects",
          "version",
          "viewer",
        ],
      }
    `);
  });
});
