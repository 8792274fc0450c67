import fc from 'fast-check';
import { SIGNS } from './measure.ts';

const GROWN = 64 * 1024;
const NUMBERS = [
  ...['-1', '-0', '00', '1e999', '0x10', '1.5', '2147483648', '4294967295', '4294967296', '9007199254740993'],
  ...['18446744073709551615', '9'.repeat(400), 'NaN', 'Infinity', '٣', '1_000', '+1'],
];

/** A change of a text. Places are parts of its length in thousandths. */
export type Change =
  | { readonly kind: 'insert'; readonly at: number; readonly piece: string }
  | { readonly kind: 'remove' | 'repeat' | 'move'; readonly at: number; readonly length: number; readonly to: number }
  | { readonly kind: 'number'; readonly at: number; readonly piece: string }
  | { readonly kind: 'grow'; readonly at: number; readonly length: number }
  | { readonly kind: 'cut'; readonly at: number };

/** `text` with a change. A part that begins behind the end is none. */
export function changed(text: string, change: Change): string {
  const at = Math.floor((text.length * change.at) / 1000);
  if (change.kind === 'insert') return text.slice(0, at) + change.piece + text.slice(at);
  if (change.kind === 'cut') return text.slice(0, at);
  if (change.kind === 'number') {
    const rest = text.slice(at);
    return text.slice(0, at) + rest.replace(/\d+/, () => change.piece);
  }
  const part = text.slice(at, at + change.length);
  if (change.kind === 'repeat') return text.slice(0, at) + part + text.slice(at);
  if (change.kind === 'grow') {
    const times = part === '' ? 0 : Math.ceil(GROWN / part.length);
    return text.slice(0, at) + part.repeat(times) + text.slice(at);
  }
  const without = text.slice(0, at) + text.slice(at + change.length);
  if (change.kind === 'remove') return without;
  const to = Math.floor((without.length * change.to) / 1000);
  return without.slice(0, to) + part + without.slice(to);
}

const place = fc.nat(999);
const length = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) }, fc.integer({ min: 1, max: 4000 }));

/** What is put into a text; `own`: what matters to whoever reads it. */
export function pieceOf(own: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(...SIGNS),
    fc.constantFrom(...NUMBERS),
    ...(own.length === 0 ? [] : [fc.constantFrom(...own)]),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
}

/** A few changes of a text; rarely, a part of it grows. */
export function changesWith(own: readonly string[]): fc.Arbitrary<readonly Change[]> {
  const piece = pieceOf(own);
  const change: fc.Arbitrary<Change> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('insert' as const), at: place, piece }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom('remove' as const, 'repeat' as const, 'move' as const),
        ...{ at: place, length, to: place },
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('number' as const), at: place, piece: fc.constantFrom(...NUMBERS) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: place }) },
  );
  const grown = fc.record({ kind: fc.constant('grow' as const), at: place, length: fc.integer({ min: 1, max: 60 }) });
  return fc.oneof(
    { weight: 19, arbitrary: fc.array(change, { maxLength: 6 }) },
    // What grows is timed: it takes far longer than the others.
    { weight: 1, arbitrary: fc.tuple(change, grown) },
  );
}
