import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALL } from '../test/fuzz/all.ts';
import { type Fuzzed, findingText, fuzz, trial } from '../test/fuzz/fuzz.ts';

/** For a target with a share of one: all of them take about a minute. `npm run fuzz` takes longer. */
const SECONDS = 0.5;
const anySeed = () => Math.floor(Math.random() * 2 ** 31);

/** What is found is made small, which takes a minute more. */
const TIMEOUT_MS = 300_000;

it.each(ALL)('$name: whatever comes, it holds', { timeout: TIMEOUT_MS }, async (target) => {
  const { tried, finding } = await fuzz(target, { seconds: SECONDS * target.share, seed: anySeed() });
  if (finding !== null) throw new Error(findingText(finding), { cause: finding.cause });
  expect(tried).toBeGreaterThan(0);
});

it('no two targets share a name', () => {
  expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length);
});

describe('what is found', () => {
  /** Wrong where an x stands in the text. */
  const wrong: Fuzzed<string> = {
    ...{ name: 'one that is wrong', share: 1, batch: 1000 },
    open: trial(fc.string(), (text) => {
      if (text.includes('x')) throw new Error('there is an x');
    }),
  };

  it('is the smallest that does it, and is found again with the same seed', async () => {
    const { finding } = await fuzz(wrong, { seconds: 60, seed: 1 });
    expect(finding).toMatchObject({ input: 'x', cause: { message: 'there is an x' } });
    const again = await fuzz(wrong, { seconds: 0, seed: finding?.seed ?? -1 });
    expect(again.finding).toMatchObject({ input: 'x', seed: finding?.seed });
  });

  it('tells how it is seen again', async () => {
    const { finding } = await fuzz(wrong, { seconds: 60, seed: 1 });
    if (finding === null) throw new Error('nothing was found');
    expect(findingText(finding)).toMatch(/^one that is wrong: "x".*npm run fuzz -- "one that is wrong" --seed \d+$/s);
  });
});
