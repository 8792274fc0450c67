import { describe, expect, it } from 'vitest';
import { parseTimeLimit } from '../../lib/duration.ts';
import { PLAIN, parseAnsi, visibleText } from './ansi.ts';
import { LogBuffer } from './log-buffer.ts';

const SIZE = 256 * 1024;
/** By so much a reader may be slower than a plain walk over the same text. */
const SLOWER = 500;
/** What the engine compiles and collects meanwhile, in ms. */
const SLACK_MS = 200;

const READERS = {
  'styles of a line': (text: string) => parseAnsi(text, PLAIN),
  'what is drawn of a line': visibleText,
  'the lines of a log': (text: string) => {
    const buffer = new LogBuffer();
    buffer.append({ startOffset: 0, endOffset: text.length, text });
    return buffer.lines;
  },
  'a time limit': parseTimeLimit,
};
const PIECES = [
  ...['\n', '\r', '\x1b', '\x1b[', '\x1b]', '\x1b[1;', '\x1b[31m', '\x1b[0m\r', 'a\r', '\x1b[38;5;', '\x1b]0;a\x07'],
  ...['\t', ' ', '9', 'a', '1d ', '1:', '\x1bP', '\ud800', 'é', '\x1b[38;2;1;2;3m', ';'],
];

/** This thread's own time, the least of a few: what else the machine does makes no difference. */
function ms(work: () => unknown): number {
  const times = [1, 2, 3].map(() => {
    const before = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

describe.each(Object.entries(READERS))('what reads %s', (_name, read) => {
  it.each(PIECES)('takes time that grows with what it is given: %j again and again', (piece) => {
    const text = piece.repeat(SIZE / piece.length);
    const walk = ms(() => {
      let sum = 0;
      for (let index = 0; index < text.length; index += 1) sum += text.charCodeAt(index);
      return sum;
    });
    expect(ms(() => read(text))).toBeLessThan(SLOWER * walk + SLACK_MS);
  });
});
