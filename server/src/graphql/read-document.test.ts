import { parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { heldBytes } from '../domain/testing.ts';
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

  const values = `[${'1 '.repeat(4800)}]`;
  it.each([
    ['a field that is not there', `{ none(states: ${values}) }`],
    ['values of another type', `{ jobs(filter: { search: ${values} }) { totalCount } }`],
    ['an argument that is not there', `{ jobs(none: ${values}) { totalCount } }`],
    ['a fragment that nobody uses', `{ __typename } fragment F on Query { jobs(none: ${values}) { totalCount } }`],
    ['a variable that is not declared', `{ jobs(first: $none, none: ${values}) { totalCount } }`],
    ['a directive that is not there', `{ __typename @none(none: ${values}) }`],
  ])('that is refused for %s is not kept, beside one that is parsed', (_why, query) => {
    const bytesOf = (read: (text: string) => unknown) => {
      // The first takes more, as code is compiled. Many, beside what the process does of its own.
      read(`${query} # ${read.name}`);
      const before = heldBytes();
      const kept = Array.from({ length: 16 }, (_, number) => read(`${query} # ${read.name} ${number}`));
      return [heldBytes() - before, kept] as const;
    };
    const [refused, documents] = bytesOf(readDocument);
    expect(documents).toMatchObject(documents.map(() => ({ isValid: false })));
    const [parsed] = bytesOf((text) => parse(text));
    expect(refused).toBeLessThan(parsed / 4);
  });
});
