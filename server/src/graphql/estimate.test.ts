import { getIntrospectionQuery, getOperationAST, graphql, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { estimateOf } from './estimate.ts';
import { readVariables } from './input-faults.ts';
import { LIMITS } from './limits.ts';
import { schema } from './schema.ts';

function cost(query: string, variables = {}): number {
  const document = parse(query);
  const operation = getOperationAST(document);
  if (operation == null) throw new Error('no operation');
  const read = readVariables(operation, variables);
  if ('fault' in read) throw read.fault;
  return estimateOf(document, operation, read.values).values;
}

const LIST = 'jobs(first: 500) { nodes { id } }';

describe('the cost of an operation', () => {
  it('holds what is asked for beside a field whose arguments do not fit', () => {
    const query = (more: string) => `query ($id: ID = "x") { ${more} ${LIST} }`;
    expect(cost(query('node(id: $id) { id }'), { id: null })).toBeGreaterThan(cost(query('')));
  });

  it.each(['first: -2147483648', 'last: -2147483648', 'first: 0'])(
    'is never less for a page of nothing: %s',
    (page) => {
      expect(cost(`{ jobs(${page}) { totalCount } other: ${LIST} }`)).toBeGreaterThan(cost(`{ ${LIST} }`));
    },
  );

  it('goes by the lengths of lists and texts in arguments, in the document or in variables', () => {
    const byVariable = 'query ($f: JobFilter) { jobs(filter: $f) { totalCount } }';
    const none = cost(byVariable, { f: {} });
    expect(cost(byVariable, { f: { clusters: Array(1000).fill('alpha') } })).toBe(none + 1000);
    expect(cost(`{ jobs(filter: { clusters: [${'"alpha" '.repeat(100)}] }) { totalCount } }`)).toBe(none + 100);
    expect(cost(byVariable, { f: { search: 'x'.repeat(25_600) } })).toBe(none + 100);
  });

  it('counts a page as a whole once, and its entries each', () => {
    const counted = cost('{ jobs(first: 500) { totalCount } }');
    expect(counted).toBe(cost('{ jobs(first: 100) { totalCount } }') + 40);
    expect(cost('{ jobs(first: 500) { totalCount nodes { id name } } }')).toBe(counted + 1500);
  });

  it('goes by the ids of a change of many jobs', () => {
    const query = 'mutation ($ids: [ID!]!) { archiveJobs(input: { ids: $ids }) { results { job { id } } } }';
    expect(cost(query, { ids: Array(1000).fill('x') })).toBeGreaterThan((900 * cost(query, { ids: [] })) / 100);
  });

  it('of a whole introspection is about what its answer holds, and is given', async () => {
    const query = getIntrospectionQuery();
    const values = JSON.stringify(await graphql({ schema, source: query })).match(/":/g)?.length ?? 0;
    expect(cost(query)).toBeGreaterThan(values / 2);
    expect(cost(query)).toBeLessThan(Math.min(3 * values, LIMITS.cost));
  });
});
