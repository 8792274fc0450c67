import { parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { checkOperation } from './limits.ts';

const refusal = (query: string, variables = {}) => checkOperation(parse(query), null, variables).fault?.message ?? null;

const JOB = `id name state isActive exitCode partition nodeList submittedAt startedAt endedAt elapsedSeconds command
  project { id name } cluster { name } submittedBy { id name } resources { nodes gpus } taskCounts { state count }`;

describe('the cost of an operation', () => {
  it.each(['nodes { ... }', 'edges { cursor node { ... } }'])(
    'lets the longest page pass with much of each job: %s',
    (entries) => {
      const list = entries.replace('...', JOB);
      expect(refusal(`{ jobs(first: 500) { totalCount ${list} pageInfo { endCursor } } }`)).toBeNull();
    },
  );

  it('counts the entries of lists within lists', () => {
    const query = '{ jobs(first: 500) { nodes { tasks(first: 500) { nodes { id } } } } }';
    expect(refusal(query)).toMatch(/^The operation is too costly \d+, at most 50000$/);
  });

  it('counts a page by its variables', () => {
    const query = 'query ($n: Int) { jobs(first: $n) { nodes { tasks(first: $n) { nodes { id } } } } }';
    expect(refusal(query, { n: 20 })).toBeNull();
    expect(refusal(query, { n: 500 })).not.toBeNull();
  });
});
