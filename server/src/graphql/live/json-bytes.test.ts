import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonBytes } from './json-bytes.ts';

/** Long enough to be written apart from the rest. */
const long = (text: string) => text.repeat(Math.ceil(20_000 / text.length));

describe('JSON bytes', () => {
  it.each([
    ['nothing to escape', long('loss 0.12345 ')],
    ['lines', long('epoch 1 step 2 loss 0.123 accuracy 0.987 learning rate 0.0003\n')],
    ['every control character', long(Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).join(''))],
    ['quotation marks and backslashes', long('"\\"\\\\""')],
    ['progress bars and colours', long('\r\u001b[32m 50%|█████     | 5/10 [00:01<00:01]\u001b[0m')],
    ['characters of two to four bytes', long('üß€漢🎉\u2028')],
    ['one escape at the end', `${long('x')}"`],
    ['one escape at the beginning', `"${long('x')}`],
    ['DEL, which needs none', long('\u007f')],
  ])('are those of JSON.stringify: %s', (_what, text) => {
    for (let shift = 0; shift < 4; shift += 1) {
      const value = { data: { logTail: { startOffset: 1, text: text.slice(shift), isReset: false, more: [text] } } };
      expect(jsonBytes(value).equals(Buffer.from(JSON.stringify(value)))).toBe(true);
    }
  });

  it('are those of JSON.stringify, whatever the value', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }).map(long);
    const binary = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 300 }).map(long);
    fc.assert(
      fc.property(fc.array(fc.oneof(text, binary, fc.jsonValue()), { maxLength: 4 }), (value) => {
        expect(jsonBytes(value).equals(Buffer.from(JSON.stringify(value)))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('leave out what is undefined, and ask an object how it is written', () => {
    const value = { left: undefined, at: new Date(0), errors: [{ toJSON: () => ({ message: long('"') }) }] };
    expect(jsonBytes(value).toString()).toBe(JSON.stringify(value));
  });
});
