import { describe, expect, it } from 'vitest';
import { readListing } from './listing.ts';

describe('a list of records', () => {
  it.each([
    ['nothing is there', 'whole\n', ''],
    ['there are names', '1.0.end\n2.0.end\nwhole\n', '1.0.end\n2.0.end\n'],
    ['a name looks like its end', 'whole\ngone\nwhole\n', 'whole\ngone\n'],
  ])('is whole if its last line says so: %s', (_what, output, listed) => {
    expect(readListing(output)).toEqual({ listed });
  });

  it('is gone if its last line says so', () => {
    expect(readListing('1.0.end\ngone\n')).toBe('gone');
  });

  it.each([
    ['its reason', "1.0.end\nunread find: '/w/run/.': Stale file handle\n", "find: '/w/run/.': Stale file handle"],
    ['no reason', '1.0.end\nunread \n', 'cut off'],
    ['no end', '1.0.end\n2.0.end\n', 'cut off'],
    ['half a name at its end', '1.0.end\n2.0.e', 'cut off'],
    ['an end that is followed by names', 'whole\n2.0.end\n', 'cut off'],
    ['half an end', '1.0.end\nwhol', 'cut off'],
    ['only a line feed', '\n', 'cut off'],
    ['nothing', '', 'cut off'],
  ])('is unreadable with %s', (_what, output, reason) => {
    expect(readListing(output)).toEqual({ unreadable: expect.stringContaining(reason) });
  });
});
