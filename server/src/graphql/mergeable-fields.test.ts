import { OverlappingFieldsCanBeMergedRule, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { mergeableFields } from './mergeable-fields.ts';
import { schema } from './schema.ts';

const conflicts = (query: string, rule = mergeableFields) => validate(schema, parse(query), [rule]).map(String);

describe('fields of one name', () => {
  it.each([
    '{ viewer { id id } viewer { id name } }',
    '{ jobs(first: 1, filter: { isActive: true, search: "a" }) { totalCount } jobs(filter: { search: "a", isActive: true }, first: 1) { totalCount } }',
    '{ node(id: "x") { ... on Job { a: name } ... on Project { a: path } } }',
    '{ node(id: "x") { ... on Job { a: project { b: name } } ... on Project { a: headCommit { b: sha } } } }',
    '{ ...A ...B } fragment A on Query { viewer { id ...C } } fragment B on Query { viewer { ...C name } } fragment C on User { name }',
    '{ nothing { a: b } nothing { a: b } }',
  ])('are merged: %s', (query) => {
    expect(conflicts(query)).toEqual([]);
  });

  it.each([
    ['{ viewer { a: id a: name } }', '"id" and "name" are different fields'],
    ['{ viewer { a: id } ...A } fragment A on Query { viewer { a: name } }', 'different fields'],
    ['{ jobs(first: 1) { totalCount } jobs(first: 2) { totalCount } }', 'differing arguments'],
    [
      '{ jobs { nodes { a: tasks { totalCount } } } jobs { nodes { a: tasks(first: 1) { totalCount } } } }',
      'arguments',
    ],
    ['{ node(id: "x") { ... on Job { a: name } ... on Project { a: isDirty } } }', 'String! and Boolean!'],
    [
      '{ node(id: "x") { ... on Job { a: project { b: name } } ... on Project { a: headCommit { b: committedAt } } } }',
      'types',
    ],
    ['{ node(id: "x") { a: id ... on Job { a: name } } }', 'different fields'],
  ])('are told apart: %s', (query, why) => {
    expect(conflicts(query).join()).toContain(why);
  });

  it('are judged as graphql-js judges them', () => {
    const random = numbers(7);
    let refused = 0;
    for (let round = 0; round < 500; round += 1) {
      const query = aDocument(random);
      const right = conflicts(query, OverlappingFieldsCanBeMergedRule).length > 0;
      expect(conflicts(query).length > 0, query).toBe(right);
      if (right) refused += 1;
    }
    expect(refused).toBeGreaterThan(50);
    expect(refused).toBeLessThan(450);
  });
});

/** The same numbers below a bound for the same seed. */
function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * bound);
  };
}

/** Fields of a few names in all ways that they can stand: beside each other, in fragments, under types that exclude each other. */
function aDocument(random: (bound: number) => number): string {
  const alias = () => ['', '', 'a: ', 'b: '][random(4)];
  const ofJob = (depth: number): string => {
    const choice = random(depth > 0 ? 7 : 5);
    if (choice === 5) return `arrayParent { ${some('Job', depth)} }`;
    if (choice === 6) return `project { ${some('Project', depth)} }`;
    return (
      ['name', 'state', 'exitCode', 'isActive', `logUrl(stream: ${['STDOUT', 'STDERR'][random(2)]})`][choice] ?? ''
    );
  };
  const ofProject = () => ['name', 'path', 'isDirty', 'headCommit { sha }', 'branches { sha name }'][random(5)] ?? '';
  const some = (type: 'Job' | 'Project' | 'Node', depth: number): string =>
    Array.from({ length: 1 + random(3) }, () => {
      const choice = random(8);
      if (depth > 0 && choice === 0) return `... { ${some(type, depth - 1)} }`;
      if (depth > 0 && choice === 1) return `...${type}${random(2)}`;
      if (type === 'Node') {
        const one = (['Job', 'Project'] as const)[random(2)] ?? 'Job';
        return choice === 2 ? `${alias()}id` : `... on ${one} { ${some(one, depth - 1)} }`;
      }
      return `${alias()}${type === 'Job' ? ofJob(depth - 1) : ofProject()}`;
    }).join(' ');
  const typeOf = (name: string) => name.slice(0, -1) as 'Job' | 'Project' | 'Node';
  const operation = `{ node(id: "x") { ${some('Node', 2)} } }`;
  // Those that nothing spreads are refused by another rule.
  const used = [...new Set(operation.match(/(?<=\.\.\.)(?:Job|Project|Node)\d/g))];
  return [operation, ...used.map((name) => `fragment ${name} on ${typeOf(name)} { ${some(typeOf(name), 0)} }`)].join(
    ' ',
  );
}
