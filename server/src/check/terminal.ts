import type { ReadStream } from 'node:tty';

/** Where a command is run: a person's terminal, or what stands in its place. */
export interface Terminal {
  readonly input: ReadStream;
  /** What was asked for. */
  readonly output: NodeJS.WriteStream;
  /** Questions to a person: what was asked for may go to a file. */
  readonly questions: NodeJS.WriteStream;
  /** Ends the program as Ctrl-C does: while an answer is typed, the terminal hands on that key like any other. */
  interrupt(): void;
}

/** A text of a cluster's, fit for a terminal: nothing in it moves the cursor or changes colours. */
export function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(/[^\P{Cc}\n]|\p{Cf}/gu, ' ');
}
