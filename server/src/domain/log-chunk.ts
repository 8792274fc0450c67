/** A part of a log file. Offsets count bytes from the file's beginning. */
export interface LogChunk {
  /** Of the first byte of `text`. */
  readonly startOffset: number;
  /** Of the byte behind the last one of `text`: reading goes on there. */
  readonly endOffset: number;
  readonly text: string;
  /** The file was truncated or replaced: this chunk starts over. */
  readonly isReset: boolean;
  /** No more will come. */
  readonly isComplete: boolean;
}
