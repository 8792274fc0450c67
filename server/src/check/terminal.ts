import type { ReadStream } from 'node:tty';

/** The terminal that the command runs in, or what replaces it. */
export interface Terminal {
  readonly input: ReadStream;
  /** For results. */
  readonly output: NodeJS.WriteStream;
  /** For prompts and progress: results may be redirected to a file. */
  readonly questions: NodeJS.WriteStream;
  /** Ends the program as Ctrl-C does: while an answer is typed, the terminal passes that key on like any other. */
  interrupt(): void;
}

/** Text from a cluster, made safe for a terminal: it cannot move the cursor or change colours. */
export function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(/[^\P{Cc}\n]|\p{Cf}/gu, ' ');
}
