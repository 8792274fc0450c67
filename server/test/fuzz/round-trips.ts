import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { localId, readGlobalId } from '../../src/graphql/ids.ts';
import { eventCursor, sequenceOf } from '../../src/graphql/job/list.ts';
import { decodeCursor, encodeCursor } from '../../src/store/keyset.ts';
import { type Fuzzed, trial } from './fuzz.ts';

// What is given to a client is read again as what it was.

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const number = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }));

function same(read: unknown, written: unknown): void {
  if (!isDeepStrictEqual(read, written)) throw new Error(`it is read as ${JSON.stringify(read)}`);
}

const cursors = trial(
  fc.record(
    {
      order: text,
      asOf: fc.nat({ max: 253_402_300_799_999 }),
      // JSON has no negative zero.
      values: fc.array(
        fc.oneof(
          text,
          number.filter((value) => !Object.is(value, -0)),
        ),
        { maxLength: 6 },
      ),
    },
    { noNullPrototype: true },
  ),
  (cursor) => same(decodeCursor(encodeCursor(cursor)), cursor),
);

const sequences = trial(fc.nat({ max: 10 ** 15 - 1 }), (sequence) => same(sequenceOf(eventCursor(sequence)), sequence));

const ids = trial(
  fc.record({ typename: fc.constantFrom('Job' as const, 'Project' as const, 'User' as const), id: text }),
  ({ typename, id }) => {
    const written = Buffer.from(`${typename}:${id}`).toString('base64');
    same(readGlobalId(written), id === '' ? null : { typename, id });
    same(localId(written, typename), id);
    for (const other of ['Job', 'Project', 'User'] as const) if (other !== typename) same(localId(written, other), '');
  },
);

export const ROUND_TRIPS: readonly Fuzzed[] = [
  { name: 'cursors of lists, there and back', share: 1, batch: 100, open: cursors },
  { name: 'cursors of events, there and back', share: 1, batch: 100, open: sequences },
  { name: 'global ids, there and back', share: 1, batch: 100, open: ids },
];
