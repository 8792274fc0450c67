import { expect, it } from 'vitest';
import { LogBuffer } from './log-buffer.ts';
import { RowLayout } from './row-layout.ts';

function append(buffer: LogBuffer, text: string): void {
  buffer.append({ startOffset: buffer.endOffset, endOffset: buffer.endOffset + text.length, text });
}

it('gives each line one row without wrapping', () => {
  const buffer = new LogBuffer();
  append(buffer, `${'x'.repeat(500)}\nb\nc`);
  const layout = new RowLayout(null);
  layout.update(buffer);
  expect([layout.rowCount, layout.rowOf(2), layout.lineAt(1)]).toEqual([3, 2, 1]);
});

it('gives a wrapped line the rows that its visible text needs', () => {
  const buffer = new LogBuffer();
  append(buffer, `${'x'.repeat(25)}\n\x1b[31m${'y'.repeat(10)}\x1b[0m\n\nd`);
  const layout = new RowLayout(10);
  layout.update(buffer);
  expect([0, 1, 2, 3].map((line) => layout.rowOf(line))).toEqual([0, 3, 4, 5]);
  expect([0, 2, 3, 4, 5, 99].map((row) => layout.lineAt(row))).toEqual([0, 0, 1, 2, 3, 4]);
});

it('follows an open line that grows', () => {
  const buffer = new LogBuffer();
  const layout = new RowLayout(10);
  append(buffer, 'a\nshort');
  layout.update(buffer);
  append(buffer, ' and then long\nc');
  layout.update(buffer);
  expect(layout.rowCount).toBe(4);
});

it('starts over when lines were dropped or the log was cleared', () => {
  const buffer = new LogBuffer({ maxLines: 10, maxLength: 1_000_000 });
  const layout = new RowLayout(null);
  for (let line = 0; line < 30; line += 1) {
    append(buffer, 'x\n');
    layout.update(buffer);
    expect(layout.rowCount).toBe(buffer.lines.length);
  }
  buffer.clear();
  append(buffer, 'new');
  layout.update(buffer);
  expect(layout.rowCount).toBe(1);
});
