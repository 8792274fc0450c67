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

describe('the values of variables', () => {
  const query = 'query ($filter: JobFilter, $more: [ID!], $rest: [[Int]]) { jobs(filter: $filter) { totalCount } }';
  const many = (count: number, value: unknown) => Array.from({ length: count }, () => value);

  it.each([
    ['in a list', { more: many(10_000, 'x') }],
    ['in an object', { filter: { clusters: many(10_000, 'alpha') } }],
    ['in several variables', { more: many(5_000, 'x'), filter: { clusters: many(5_000, 'alpha') } }],
    ['in lists of lists', { rest: many(5_000, [1]) }],
    ['as empty lists', { rest: many(10_000, []) }],
    ['in variables that nothing declares', { other: many(10_000, {}) }],
  ])('are counted before they are read: %s', (_where, variables) => {
    expect(refusal(query, variables)).toBe('The variables contain more than 10000 values');
  });

  it('may be many', () => {
    const ids = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
    expect(refusal(ids, { ids: many(9_900, 'x') })).toBeNull();
  });
});
