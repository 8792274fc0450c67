import { describe, expect, it } from 'vitest';
import { LogBuffer } from './log-buffer.ts';

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
    expect(feed(new LogBuffer(), ' 10%\r 20%', '\r 30%', '\r\ndone')).toEqual([' 30%\r', 'done']);
  });

  it('takes CR LF for the end of a line, also when it is cut in two', () => {
    const lines = feed(new LogBuffer(), 'one\r\ntwo\r', '\nthree\r\r\n');
    expect(lines.map((line) => line.replaceAll('\r', ''))).toEqual(['one', 'two', 'three', '']);
  });

  it('does not grow with a progress bar that never ends its line', () => {
    const buffer = new LogBuffer();
    for (let step = 0; step < 10_000; step += 1) feed(buffer, `\r${step} of 10000`);
    expect(buffer.lines.map((line) => line.text)).toEqual(['9999 of 10000']);
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
    expect(Math.max(...buffer.lines.map((line) => line.text.length))).toBeLessThanOrEqual(16_000);
    expect(buffer.lines.map((line) => line.text).join('')).toBe('a'.repeat(30_000) + 'b'.repeat(10));
  });

  it('starts anew when it is cleared', () => {
    const buffer = new LogBuffer();
    feed(buffer, 'old\n');
    buffer.clear();
    expect(feed(buffer, 'new')).toEqual(['new']);
    expect(buffer.endOffset).toBe(3);
  });
});
