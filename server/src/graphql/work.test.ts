import { setImmediate as nextTurn } from 'node:timers/promises';
import { OperationTypeNode } from 'graphql';
import { expect, it } from 'vitest';
import { Gate } from './gate.ts';
import { Turns } from './turns.ts';
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
