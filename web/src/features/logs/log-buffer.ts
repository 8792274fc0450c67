import { controlEnd, PLAIN, parseAnsi, type TextStyle } from './ansi.ts';

export interface LogLine {
  readonly text: string;
  /** The style that earlier lines left on. */
  readonly style: TextStyle;
  /** Where the line starts in the file, in bytes; nearly so where the log holds what is no UTF-8. */
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
const CUT_LENGTH = 8_000;
/** By so much a line may be longer before it is cut, so that it is known whether an escape sequence stands at the cut. */
const CUT_SLACK = 256;
/** How far beyond its bounds it grows before the oldest lines go, so that they go many at a time. */
const SLACK = 1.1;

/**
 * The lines of one stretch of a log, as a terminal would have left them: what a carriage return overwrites is gone.
 * The last line is open until its newline comes. Bounded: the oldest lines give way to new ones.
 *
 * They are the same in whatever pieces the text comes: each rule looks at what stands in the line, one character after
 * the other, and never at where a piece ends.
 */
export class LogBuffer {
  /** Grows by each line that was dropped at the start; a line keeps the number `droppedCount` + its index. */
  droppedCount = 0;
  readonly #bounds: LogBounds;
  #lines: LogLine[] = [];
  #length = 0;
  #endOffset = 0;
  /** The open line ends with a carriage return: what follows decides whether it ends the line (CR LF) or starts it over. */
  #isReturned = false;
  /** Where the text of the open line starts in the file: behind the line's start once something was overwritten. */
  #textOffset = 0;

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
    this.#isReturned = false;
  }

  append({ startOffset, endOffset, text }: Chunk): void {
    this.#endOffset = endOffset;
    if (text === '') return;
    const isAscii = endOffset - startOffset === text.length;
    let offset = startOffset;
    for (const [index, piece] of text.split('\n').entries()) {
      if (index > 0) this.#open(offset);
      this.#extend(piece, offset, isAscii);
      offset += (isAscii ? piece.length : byteLength(piece)) + 1;
    }
    this.#dropOldest();
  }

  /** Ends the line that is open, and opens the next one. */
  #open(offset: number): void {
    const last = this.#lines.at(-1);
    this.#lines.push({ text: '', style: last === undefined ? PLAIN : styleBehind(last), offset });
    this.#isReturned = false;
    this.#textOffset = offset;
  }

  /** What comes next of the open line; `offset` is that of its first byte in the file. */
  #extend(piece: string, offset: number, isAscii: boolean): void {
    if (this.#lines.length === 0) this.#open(offset);
    let position = offset;
    for (const [index, written] of piece.split('\r').entries()) {
      if (index > 0) this.#isReturned = true;
      if (written !== '') this.#write(written, position);
      position += (isAscii ? written.length : byteLength(written)) + 1;
    }
  }

  #write(written: string, offset: number): void {
    let line = this.#lines.at(-1);
    if (line === undefined) return;
    if (this.#isReturned) {
      line = { ...line, text: '', style: styleBehind(line) };
      this.#isReturned = false;
      this.#textOffset = offset;
    }
    this.#replaceLast({ ...line, text: line.text + written });
    this.#cutLast();
  }

  /** What is left of a line that is too long is the open one. */
  #cutLast(): void {
    for (;;) {
      const line = this.#lines.at(-1);
      if (line === undefined || line.text.length <= CUT_LENGTH + CUT_SLACK) return;
      const text = line.text.slice(0, cutOf(line.text));
      this.#replaceLast({ ...line, text });
      this.#open(this.#textOffset + byteLength(text));
      const rest = this.#lines.at(-1);
      if (rest !== undefined) this.#replaceLast({ ...rest, text: line.text.slice(text.length) });
    }
  }

  #replaceLast(line: LogLine): void {
    this.#length += line.text.length - (this.#lines.pop()?.text.length ?? 0);
    this.#lines.push(line);
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

/** The style that a line leaves on. */
function styleBehind({ text, style }: LogLine): TextStyle {
  return text.includes('\x1b') ? parseAnsi(text, style).end : style;
}

/** Where a line is cut that is too long: neither within an escape sequence nor within a character. */
function cutOf(text: string): number {
  const begin = text.lastIndexOf('\x1b', CUT_LENGTH - 1);
  // One that began long before is no escape sequence, or nothing that can be kept whole.
  const isNear = begin > CUT_LENGTH / 2;
  if (isNear && controlEnd(text.slice(0, CUT_LENGTH + CUT_SLACK), begin) > CUT_LENGTH) return begin;
  const unit = text.charCodeAt(CUT_LENGTH - 1);
  return unit >= 0xd8_00 && unit < 0xdc_00 ? CUT_LENGTH - 1 : CUT_LENGTH;
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
