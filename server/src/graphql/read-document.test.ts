import { describe, expect, it } from 'vitest';
import { readDocument } from './read-document.ts';

/** A long document, which differs from those of other numbers. */
const long = (number: number) =>
  `{ viewer { ${Array.from({ length: 1200 }, (_, index) => `a${number}x${index}:id`).join(' ')} } }`;

describe('a document', () => {
  it('is read once however often it comes', () => {
    expect(readDocument('{ viewer { name } }')).toBe(readDocument('{ viewer { name } }'));
  });

  it('that is nested too deeply is invalid', () => {
    expect(readDocument(`{ jobs(filter: ${'['.repeat(4900)}) { totalCount } }`)).toMatchObject({
      isValid: false,
      errors: [{ extensions: { code: 'LIMIT_EXCEEDED' } }],
    });
  });

  it('is forgotten when so many others came that they take much memory', () => {
    const first = readDocument(long(0));
    expect(readDocument(long(0)) === first).toBe(true);
    for (let number = 1; number <= 50; number += 1) readDocument(long(number));
    expect(readDocument(long(0)) === first).toBe(false);
  });
});
