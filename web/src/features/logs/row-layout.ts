import { visibleText } from './ansi.ts';
import type { LogBuffer } from './log-buffer.ts';

const TAB_COLUMNS = 8;

/**
 * On which screen row each line of a buffer starts. Without wrapping a line is a row; with it, as many as its text
 * needs. The count is exact for characters one column wide and near for others, which is all that scrolling needs.
 */
export class RowLayout {
  readonly #columns: number | null;
  /** The first row of each line, and last of all the row behind the open line. */
  #starts: number[] = [0];
  #droppedCount = 0;

  /** How many columns fit beside each other; null without wrapping. */
  constructor(columns: number | null) {
    this.#columns = columns;
  }

  /** Takes in what has changed in the buffer since the last time. */
  update(buffer: LogBuffer): void {
    const { lines, droppedCount } = buffer;
    if (droppedCount !== this.#droppedCount || lines.length < this.#starts.length - 1) this.#starts = [0];
    this.#droppedCount = droppedCount;
    // The line that was open last time may have grown.
    if (this.#starts.length > 1) this.#starts.pop();
    for (let index = this.#starts.length - 1; index < lines.length; index += 1) {
      this.#starts.push((this.#starts[index] ?? 0) + this.#rowsOf(lines[index]?.text ?? ''));
    }
  }

  get rowCount(): number {
    return this.#starts.at(-1) ?? 0;
  }

  rowOf(line: number): number {
    return this.#starts[Math.min(line, this.#starts.length - 1)] ?? 0;
  }

  /** The line that a row belongs to. */
  lineAt(row: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #rowsOf(text: string): number {
    return this.#columns === null ? 1 : Math.max(1, Math.ceil(columnsOf(text) / this.#columns));
  }
}

function columnsOf(text: string): number {
  let columns = text.includes('\x1b') ? visibleText(text).length : text.length;
  for (let tab = text.indexOf('\t'); tab >= 0; tab = text.indexOf('\t', tab + 1)) columns += TAB_COLUMNS - 1;
  return columns;
}
