import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chunk, LogBuffer, type LogLine } from './log-buffer.ts';

/** Appends texts as chunks that follow each other, and gives the lines. */
function feed(buffer: LogBuffer, ...texts: readonly string[]): string[] {
  for (const text of texts) {
    const startOffset = buffer.endOffset;
    buffer.append({ startOffset, endOffset: startOffset + new TextEncoder().encode(text).length, text });
  }
  return buffer.lines.map((line) => line.text);
}

describe('a log buffer', () => {
  it('joins a line that comes in pieces', () => {
    expect(feed(new LogBuffer(), 'one\ntw', 'o', '\nthree')).toEqual(['one', 'two', 'three']);
  });

  it('opens an empty line after a newline at the end', () => {
    expect(feed(new LogBuffer(), 'one\n')).toEqual(['one', '']);
    expect(feed(new LogBuffer(), 'one\n', 'two')).toEqual(['one', 'two']);
  });

  it('keeps what a carriage return left, as a terminal does', () => {
    expect(feed(new LogBuffer(), ' 10%\r 20%', '\r 30%', '\r\ndone')).toEqual([' 30%', 'done']);
  });

  it('takes CR LF for the end of a line, also when it is cut in two', () => {
    expect(feed(new LogBuffer(), 'one\r\ntwo\r', '\nthree\r\r\n')).toEqual(['one', 'two', 'three', '']);
  });

  it('does not grow with a progress bar that never ends its line', () => {
    const buffer = new LogBuffer();
    for (let step = 0; step < 10_000; step += 1) feed(buffer, `\r${step} of 10000`);
    expect(buffer.lines.map((line) => line.text)).toEqual(['9999 of 10000']);
  });

  it('shows the last of many updates of one line, however many come at once', () => {
    const updates = Array.from({ length: 300 }, (_, step) => `\r${step} of 300 ${'#'.repeat(60)}`).join('');
    expect(feed(new LogBuffer(), updates)).toEqual([`299 of 300 ${'#'.repeat(60)}`]);
    expect(feed(new LogBuffer(), `${updates}\nend`)).toEqual([`299 of 300 ${'#'.repeat(60)}`, 'end']);
  });

  it('goes on in the colour that an overwritten text left on', () => {
    const buffer = new LogBuffer();
    feed(buffer, 'a \x1b[32mgreen', '\rb\n');
    expect(buffer.lines.map(({ style }) => style.color)).toEqual(['var(--ansi-2)', 'var(--ansi-2)']);
  });

  it('carries a colour over to the next line', () => {
    const buffer = new LogBuffer();
    feed(buffer, '\x1b[31mred\nstill red\x1b[0m\nplain');
    expect(buffer.lines.map(({ style }) => style.color)).toEqual([null, 'var(--ansi-1)', null]);
  });

  it('knows where each line starts in the file, whatever its characters', () => {
    const buffer = new LogBuffer();
    feed(buffer, 'größe\n', '日本\n😀', '!\nend');
    expect(buffer.lines.map((line) => line.offset)).toEqual([0, 8, 15, 21]);
    expect(buffer.endOffset).toBe(24);
  });

  it('knows what of the file it does not hold', () => {
    const buffer = new LogBuffer();
    buffer.append({ startOffset: 5_000, endOffset: 5_004, text: 'tail' });
    expect(buffer.startOffset).toBe(5_000);
  });

  it('lets go its oldest lines beyond its bounds, and counts them', () => {
    const buffer = new LogBuffer({ maxLines: 100, maxLength: 1_000_000 });
    for (let line = 0; line < 1_000; line += 1) feed(buffer, `${String(line).padStart(3, '0')}\n`);
    expect(buffer.lines.length).toBeLessThanOrEqual(110);
    expect(buffer.lines.length + buffer.droppedCount).toBe(1_001);
    expect(buffer.startOffset).toBe(buffer.droppedCount * 4);
    expect(buffer.lines[0]?.text).toBe(String(buffer.droppedCount).padStart(3, '0'));
  });

  it('bounds its text too', () => {
    const buffer = new LogBuffer({ maxLines: 1_000_000, maxLength: 10_000 });
    for (let line = 0; line < 1_000; line += 1) feed(buffer, `${'x'.repeat(99)}\n`);
    expect(buffer.lines.length).toBeLessThanOrEqual(112);
  });

  it('cuts a line that is too long to be laid out, and loses nothing of it', () => {
    const buffer = new LogBuffer();
    feed(buffer, 'a'.repeat(30_000), 'b'.repeat(10));
    expect(Math.max(...buffer.lines.map((line) => line.text.length))).toBeLessThan(9_000);
    expect(buffer.lines.map((line) => line.text).join('')).toBe('a'.repeat(30_000) + 'b'.repeat(10));
  });

  it('cuts no escape sequence and no character in two', () => {
    const colored = new LogBuffer();
    feed(colored, `${'a'.repeat(7_997)}\x1b[38;5;208m${'b'.repeat(1_000)}`);
    expect(colored.lines.map(({ text }) => text.length)).toEqual([7_997, 1_011]);
    const wide = new LogBuffer();
    feed(wide, `a${'😀'.repeat(5_000)}`);
    expect(wide.lines.map(({ text }) => text.length)).toEqual([7_999, 2_002]);
    expect(wide.lines[1]?.offset).toBe(1 + 4 * 3_999);
  });

  it('starts anew when it is cleared', () => {
    const buffer = new LogBuffer();
    feed(buffer, 'old\n');
    buffer.clear();
    expect(feed(buffer, 'new')).toEqual(['new']);
    expect(buffer.endOffset).toBe(3);
  });
});

describe('the lines of a log', () => {
  const CSI = '\x1b[';
  const text = fc
    .array(
      fc.oneof(
        fc.constantFrom('\n', '\r', '\r\n', '\r\r\n', 'a', 'é', '日本', '😀', '\t', '\b', `${CSI}31m`, `${CSI}0m`),
        fc.constantFrom(`${CSI}2K`, `${CSI}1A`, `${CSI}1G`, '\x1b]8;;https://example.org\x1b\\', '\x1b'),
        fc.string({ maxLength: 20 }),
        fc
          .tuple(fc.constantFrom('x', 'é', '😀', `${CSI}1m`), fc.constantFrom(1_000, 4_100, 8_255, 20_000))
          .map(([piece, length]) => piece.repeat(Math.ceil(length / piece.length))),
      ),
      { maxLength: 60 },
    )
    .map((pieces) => pieces.join(''));

  /** Cuts a text into chunks that follow each other, at these places; never within a character. */
  function chunksOf(whole: string, cuts: readonly number[], startOffset = 0): Chunk[] {
    const characters = Array.from(whole);
    const places = cuts.map((cut) => cut % (characters.length + 1)).toSorted((one, other) => one - other);
    let offset = startOffset;
    return [...places, characters.length].map((place, index) => {
      const piece = characters.slice(places[index - 1] ?? 0, place).join('');
      const chunk = { startOffset: offset, endOffset: offset + new TextEncoder().encode(piece).length, text: piece };
      offset = chunk.endOffset;
      return chunk;
    });
  }
  function linesOf(chunks: readonly Chunk[]): readonly LogLine[] {
    const buffer = new LogBuffer();
    for (const chunk of chunks) buffer.append(chunk);
    return buffer.lines;
  }

  it('are the same in whatever pieces they come', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(100_000), { maxLength: 40 }), (whole, cuts) => {
        expect(linesOf(chunksOf(whole, cuts))).toEqual(linesOf(chunksOf(whole, [])));
      }),
      { numRuns: 300 },
    );
  });

  it('are the same character by character', () => {
    fc.assert(
      fc.property(text, (whole) => {
        const all = Array.from(whole).slice(0, 20_000);
        expect(linesOf(chunksOf(all.join(''), [...all.keys()]))).toEqual(linesOf(chunksOf(all.join(''), [])));
      }),
      { numRuns: 20 },
    );
  });

  it('are those of the whole from the first one on that begins in a window', () => {
    fc.assert(
      fc.property(text, fc.nat(100_000), fc.array(fc.nat(100_000), { maxLength: 10 }), (whole, from, cuts) => {
        const characters = Array.from(whole);
        const start = from % (characters.length + 1);
        const before = new TextEncoder().encode(characters.slice(0, start).join('')).length;
        const window = linesOf(chunksOf(characters.slice(start).join(''), cuts, before));
        const newline = characters.indexOf('\n', start);
        if (newline < 0) return;
        const first = new TextEncoder().encode(characters.slice(0, newline + 1).join('')).length;
        const behind = (lines: readonly LogLine[]) =>
          lines.filter(({ offset }) => offset >= first).map(({ text: shown, offset }) => ({ shown, offset }));
        expect(behind(window)).toEqual(behind(linesOf(chunksOf(whole, []))));
      }),
      { numRuns: 300 },
    );
  });

  it('show what stands behind the last carriage return, and start where they do in the file', () => {
    const short = fc.array(fc.constantFrom('\n', '\r', 'a', 'bc', 'é', '😀'), { maxLength: 200 });
    fc.assert(
      fc.property(short, fc.array(fc.nat(1_000), { maxLength: 20 }), (pieces, cuts) => {
        const whole = pieces.join('');
        if (whole === '') return;
        let offset = 0;
        const expected = whole.split('\n').map((line) => {
          const start = offset;
          offset += new TextEncoder().encode(line).length + 1;
          return { text: line.replace(/\r+$/, '').split('\r').at(-1), offset: start };
        });
        const lines = linesOf(chunksOf(whole, cuts)).map((line) => ({ text: line.text, offset: line.offset }));
        expect(lines).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});
