import { describe, expect, it } from 'vitest';
import { PLAIN, parseAnsi } from './ansi.ts';

function text(line: string): string {
  return parseAnsi(line, PLAIN)
    .parts.map((part) => part.text)
    .join('');
}

describe('parseAnsi', () => {
  it('splits a line into stretches of one style', () => {
    const { parts } = parseAnsi('a \x1b[1;31mred\x1b[0m b', PLAIN);
    expect(parts).toEqual([
      { text: 'a ', style: PLAIN },
      { text: 'red', style: { ...PLAIN, isBold: true, color: 'var(--ansi-1)' } },
      { text: ' b', style: PLAIN },
    ]);
  });

  it('says in which style the next line starts', () => {
    const { end } = parseAnsi('\x1b[4munderlined', PLAIN);
    expect(parseAnsi('still', end).parts[0]?.style.isUnderlined).toBe(true);
  });

  it.each([
    ['\x1b[38;5;208mx', 'rgb(255 135 0)'],
    ['\x1b[38;5;9mx', 'var(--ansi-9)'],
    ['\x1b[38;5;244mx', 'rgb(128 128 128)'],
    ['\x1b[38;2;1;2;3mx', 'rgb(1 2 3)'],
    ['\x1b[38:2::1:2:3mx', 'rgb(1 2 3)'],
    ['\x1b[38:5:208mx', 'rgb(255 135 0)'],
    ['\x1b[97mx', 'var(--ansi-15)'],
    ['\x1b[31;39mx', null],
    ['\x1b[38;2;999;;mx', 'rgb(255 0 0)'],
  ])('reads the colour of %j', (line, color) => {
    expect(parseAnsi(line, PLAIN).parts[0]?.style.color).toBe(color);
  });

  it('reads on behind the arguments of a colour', () => {
    expect(parseAnsi('\x1b[38;5;208;1;48;2;1;2;3;4mx', PLAIN).parts[0]?.style).toMatchObject({
      isBold: true,
      isUnderlined: true,
      background: 'rgb(1 2 3)',
    });
  });

  it.each([
    ['\x1b[2K\x1b[1Gcleared', 'cleared'],
    ['\x1b]0;a title\x07text', 'text'],
    ['\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\', 'link'],
    ['\x1b[?25lhidden cursor\x1b[?25h', 'hidden cursor'],
    ['bell\x07 and \x00nul', 'bell and nul'],
    ['cut off \x1b[3', 'cut off 3'],
    ['tab\tstays', 'tab\tstays'],
  ])('drops what draws nothing in %j', (line, visible) => {
    expect(text(line)).toBe(visible);
  });

  it('leaves markup the text that it is', () => {
    expect(text('<script>alert(1)</script> & "more"')).toBe('<script>alert(1)</script> & "more"');
  });
});
