import { expect, it } from 'vitest';
import { nodeNames } from './node-list.ts';

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
