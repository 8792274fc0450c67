import { randomBytes } from 'node:crypto';
import { bounded } from '../../domain/text.ts';
import type { Output } from './output.ts';

/**
 * The command of the channel, so simple that it means the same to every login shell, csh and fish
 * included, and to forced commands that split $SSH_ORIGINAL_COMMAND at its blanks.
 */
export const SHELL_COMMAND = '/bin/sh -s slurmql';

/** How much of the end of what was printed before the shell answered is shown. */
const MOST_LINES = 6;
const MOST_CHARACTERS = 400;
/** How much of the end of the output is examined. */
const MOST_BYTES = 16 * 1024;

/**
 * Makes sure that a POSIX shell reads a channel before anything else is sent to it: start-up files (`exec zsh`) or
 * forced commands may have replaced it. Nothing has run until it has answered.
 */
export class OwnShell {
  readonly #line: string;
  /** What it prints on both streams once it runs. */
  readonly answer: Buffer;

  constructor() {
    const nonce = randomBytes(12).toString('hex');
    this.answer = Buffer.from(`\nshell ${nonce}\n`);
    this.#line = `printf '\\n%s\\n' 'shell ${nonce}'; printf '\\n%s\\n' 'shell ${nonce}' >&2`;
  }

  /**
   * May be sent again and again until it is answered: a shell that reads its input in blocks (tcsh, dash) takes what
   * follows the line that replaces it along to its end. Empty lines come first, for start-up files that ask something.
   * The line that replaces is one for all of sh, bash, zsh, ksh and csh, with `set -u` too.
   */
  get greeting(): string {
    return `\n\n\ntest x"$*" = xslurmql || exec ${SHELL_COMMAND}\n${this.#line}\n`;
  }

  /** Whether the last output has completed the answer. */
  isIn(output: Output): boolean {
    return output.last(this.answer.length).includes(this.answer);
  }

  /** The output of a script, in pieces, without the answers that came before. They are in the first piece, or nowhere. */
  without([first = Buffer.alloc(0), ...others]: readonly Buffer[]): Buffer[] {
    const start = first.indexOf(this.answer);
    if (start === -1) return [first, ...others];
    const end = first.lastIndexOf(this.answer) + this.answer.length;
    return [first.subarray(0, start), first.subarray(end), ...others];
  }
}

/** What a login printed instead of running a command, as part of a sentence; '' if nothing. */
export function wordsOf(stdout: Buffer, stderr: Buffer): string {
  const words = [stdout, stderr]
    .map((output) => plain(output.subarray(-MOST_BYTES).toString('utf8')).split('\n').slice(-MOST_LINES).join(' '))
    .filter((text) => text !== '')
    .join(' ');
  return bounded(words, MOST_CHARACTERS, { keep: 'end' }).trim();
}

/** Without colours and other control sequences, and without empty lines. */
function plain(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
      .replaceAll(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)/g, '')
      .replaceAll('\r', '\n')
      .replaceAll(/[^\P{C}\n\t]/gu, '')
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
      .join('\n')
  );
}
