import fc from 'fast-check';
import { expect, it } from 'vitest';
import { countNodes, MAX_NODES, nodeNames } from './node-list.ts';

it.each<[string, readonly string[]]>([
  ['gpu01', ['gpu01']],
  ['gpu01,gpu02', ['gpu01', 'gpu02']],
  ['gpu[01-03]', ['gpu01', 'gpu02', 'gpu03']],
  ['gpu[01-02,07],login', ['gpu01', 'gpu02', 'gpu07', 'login']],
  ['n[8-11]', ['n8', 'n9', 'n10', 'n11']],
  ['n[098-101]', ['n098', 'n099', 'n100', 'n101']],
  ['rack[1-2]n[0-1]', ['rack1n0', 'rack1n1', 'rack2n0', 'rack2n1']],
  ['n[1-2]-ib,a', ['n1-ib', 'n2-ib', 'a']],
  ['', []],
])('the nodes of %j are %j', (list, names) => {
  expect(nodeNames(list)).toEqual(names);
});

it.each(['n[1-', 'n]', 'n[a-b]', 'n[3-1]', 'n[1-999999999]', 'n[1-9999][1-9999]'])(
  'a list that can not be read is given as it stands: %j',
  (list) => {
    expect(nodeNames(list)).toEqual([list]);
  },
);

it('the count of a list is that of its names, which nobody has to make for it', () => {
  const number = fc.integer({ min: 0, max: 30 }).map(String);
  const range = fc.oneof(
    number,
    fc.tuple(number, number).map((ends) => ends.join('-')),
  );
  const group = fc.array(range, { minLength: 1, maxLength: 3 }).map((ranges) => `[${ranges.join(',')}]`);
  const sign = fc.constantFrom('[', ']', ',', '-', 'n', '7');
  const list = fc.array(fc.oneof(group, sign), { maxLength: 6 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(list, (text) => {
      const names = nodeNames(text);
      const count = countNodes(text);
      const isUnread = names[0] === text && /[[\],]/.test(text);
      // A list that is too long to expand is left as it stands, and is counted all the same.
      if (isUnread) expect(count ?? Number.POSITIVE_INFINITY).toBeGreaterThan(MAX_NODES);
      else expect(count).toBe(names.length);
    }),
    { numRuns: 2000 },
  );
  const tooMany = '[0-5,0][0-24,0,0][0-17,0,0][0-25,0]';
  expect([nodeNames(tooMany), countNodes(tooMany)]).toEqual([[tooMany], 102_060]);
  expect(countNodes('a[0-65535][0-65535][0-65535]')).toBe(65_536 ** 3);
});
