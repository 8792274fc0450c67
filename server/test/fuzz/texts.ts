import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { changed, changesWith, pieceOf } from './changes.ts';
import { corpusOf } from './corpus.ts';
import { type Fuzzed, trial } from './fuzz.ts';
import { isSlow, isTooMuch, said, sizeOf } from './measure.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';

/** Above it a text takes long enough for its time to be told from that of a walk. */
const LARGE = 16 * 1024;

/** Texts that a target understands, or would nearly. */
function textsOf({ name, samples, frames, pieces, rows, most }: Target): fc.Arbitrary<string> {
  const changes = changesWith(pieces);
  const known = [...samples, ...rows, ...corpusOf<string>(name), ''];
  const begin = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...known) },
    fc.array(pieceOf(pieces), { maxLength: 12 }).map((parts) => parts.join('')),
  );
  return fc
    .tuple(begin, changes, fc.constantFrom(...frames))
    .map(([text, steps, frame]) => frame(steps.reduce(changed, text)).slice(0, most ?? undefined));
}

/** Throws nothing but its own error, says the same each time, makes no more than it may, and doesn't take ever longer. */
function check(target: Target, text: string): void {
  const answer = said(target, text);
  if (!isDeepStrictEqual(said(target, text), answer)) throw new Error('it says something else the second time');
  const made = sizeOf(answer);
  if (isTooMuch(made, text)) throw new Error(`it makes ${made} things of ${text.length} characters`);
  if (text.length >= LARGE && isSlow(target, text)) throw new Error('it takes far longer than a walk over the text');
}

/** Everything that reads a text. */
export const TEXTS: readonly Fuzzed[] = TARGETS.map((target) => ({
  ...{ name: target.name, share: 1, batch: 100 },
  open: trial(textsOf(target), (text) => check(target, text)),
}));
