import { setImmediate as nextTurn } from 'node:timers/promises';
import { OperationTypeNode } from 'graphql';
import { expect, it } from 'vitest';
import { Turns } from '../turns/index.ts';
import { Gate } from './gate.ts';
import { alone } from './testing.ts';
import { Work } from './work.ts';

it('gives the event loop back between small operations that begin at the same moment', async () => {
  const capacity = { turns: new Turns(), gate: new Gate() };
  const scale = { kind: OperationTypeNode.QUERY, isLarge: false };
  let ran = 0;
  const begun = Array.from({ length: 60 }, () =>
    new Work({ ...capacity, scale, account: 'ada', signal: new AbortController().signal }).run(() => {
      ran += 1;
      const until = performance.now() + 2;
      while (performance.now() < until);
    }),
  );
  const inTurns = [ran];
  while (ran < begun.length) {
    const before = ran;
    await nextTurn();
    inTurns.push(ran - before);
  }
  await Promise.all(begun);
  expect(Math.max(...inTurns)).toBeLessThan(10);
});

it('counts attempts while they are read, also those without any text', () => {
  const work = new Work(alone());
  const attempt = { number: 1, outcome: null, exitCode: null, signal: null };
  const some = Array.from({ length: 1000 }, () => ({ ...attempt, startedAt: null, endedAt: null, nodeList: null }));
  for (let count = 0; count < 500; count += 1) work.attempts(some);
  expect(() => work.attempts(some)).toThrow('has more than 500000 values');
});
