import { PLAIN, parseAnsi, type TextStyle } from './ansi.ts';

export interface LogLine {
  readonly text: string;
  /** The style that earlier lines left on. */
  readonly style: TextStyle;
  /** Where the line starts in the file, in bytes. */
  readonly offset: number;
}

export interface Chunk {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly text: string;
}

export interface LogBounds {
  readonly maxLines: number;
  /** UTF-16 units of text, over all lines. */
  readonly maxLength: number;
}

const BOUNDS: LogBounds = { maxLines: 100_000, maxLength: 5_000_000 };
/** A line that is longer is cut: the browser lays out what is in view as a whole. */
const MAX_LINE_LENGTH = 8_000;
/** How far beyond its bounds it grows before the oldest lines go, so that they go many at a time. */
const SLACK = 1.1;

/**
 * The lines of one stretch of a log, as a terminal would have left them: what a carriage return overwrites is gone.
 * The last line is open until its newline comes. Bounded: the oldest lines give way to new ones.
 */
export class LogBuffer {
  /** Grows by each line that was dropped at the start; a line keeps the number `droppedCount` + its index. */
  droppedCount = 0;
  readonly #bounds: LogBounds;
  #lines: LogLine[] = [];
  #length = 0;
  #endOffset = 0;

  constructor(bounds: LogBounds = BOUNDS) {
    this.#bounds = bounds;
  }

  /** The open line is the last; there is none before the first byte. */
  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** Of the first byte that is held. */
  get startOffset(): number {
    return this.#lines[0]?.offset ?? this.#endOffset;
  }

  /** Behind the last byte that was taken. */
  get endOffset(): number {
    return this.#endOffset;
  }

  clear(): void {
    this.droppedCount = 0;
    this.#lines = [];
    this.#length = 0;
    this.#endOffset = 0;
  }

  append({ startOffset, endOffset, text }: Chunk): void {
    this.#endOffset = endOffset;
    if (text === '') return;
    const isAscii = endOffset - startOffset === text.length;
    let offset = startOffset;
    for (const [index, piece] of text.split('\n').entries()) {
      if (index > 0) this.#open(offset);
      this.#extend(piece, offset);
      offset += (isAscii ? piece.length : byteLength(piece)) + 1;
    }
    this.#dropOldest();
  }

  #open(offset: number): void {
    const last = this.#lines.at(-1);
    let style = last?.style ?? PLAIN;
    if (last?.text.includes('\x1b')) style = parseAnsi(last.text, style).end;
    this.#lines.push({ text: '', style, offset });
  }

  #extend(piece: string, offset: number): void {
    if (this.#lines.length === 0) this.#open(offset);
    for (let from = 0; from === 0 || from < piece.length; from += MAX_LINE_LENGTH) {
      const last = this.#lines.at(-1);
      if (last === undefined) return;
      if (from > 0 || last.text.length >= MAX_LINE_LENGTH) {
        this.#open(offset + byteLength(piece.slice(0, from)));
        this.#replaceLast(piece.slice(from, from + MAX_LINE_LENGTH));
      } else {
        this.#replaceLast(overwrite(last.text + piece.slice(0, MAX_LINE_LENGTH)));
      }
    }
  }

  #replaceLast(text: string): void {
    const last = this.#lines.pop();
    if (last === undefined) return;
    this.#length += text.length - last.text.length;
    this.#lines.push({ ...last, text });
  }

  #dropOldest(): void {
    const { maxLines, maxLength } = this.#bounds;
    if (this.#lines.length <= maxLines * SLACK && this.#length <= maxLength * SLACK) return;
    let count = 0;
    while (count < this.#lines.length - 1 && (this.#lines.length - count > maxLines || this.#length > maxLength)) {
      this.#length -= this.#lines[count]?.text.length ?? 0;
      count += 1;
    }
    this.#lines.splice(0, count);
    this.droppedCount += count;
  }
}

/**
 * What a line shows: the text behind its last carriage return. One at the very end is kept, for it depends on what
 * comes next whether it ends the line (CR LF) or starts it over.
 */
function overwrite(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === '\r') end -= 1;
  const start = end === 0 ? 0 : text.lastIndexOf('\r', end - 1) + 1;
  return `${text.slice(start, end)}${end < text.length ? '\r' : ''}`;
}

/** Of the text in UTF-8. */
function byteLength(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x8_00) bytes += 2;
    // Each half of a surrogate pair counts two of the character's four.
    else bytes += unit >= 0xd8_00 && unit <= 0xdf_ff ? 2 : 3;
  }
  return bytes;
}
