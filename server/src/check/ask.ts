import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { AskPerson, LoginPrompt } from '../clusters/index.ts';
import { printable, type Terminal } from './terminal.ts';

/**
 * Shows the prompts of a login to the person at the terminal, in the server's own words. Each is shown once: a second
 * wrong answer could lock the account, so whether to try again is up to the person.
 */
export function askAt(terminal: Terminal): AskPerson {
  return async (prompt, signal) => {
    const { host, prompts } = prompt;
    if (prompts.length === 0) return [];
    if (prompt.isRepeated) {
      return {
        found: `${host} did not accept the answer`,
        advice: 'Have the right password or a new code ready, and run this again',
      };
    }
    if (!terminal.input.isTTY) {
      return {
        found: `${host} asks ${asked(prompt)}: a person is needed`,
        advice: 'Run this in a terminal and answer there',
      };
    }
    terminal.questions.write(`\n${introduction(prompt)}`);
    const answers: string[] = [];
    for (const { text, isSecret } of prompts) {
      const answer = await readAnswer(terminal, `  ${printable(text)} `, isSecret, signal);
      if (answer === null) {
        return { found: `${host} asks ${asked(prompt)}, and got no answer`, advice: 'Run this again and answer' };
      }
      answers.push(answer);
    }
    terminal.questions.write('\n');
    return answers;
  };
}

function asked({ prompts }: LoginPrompt): string {
  return prompts.map(({ text }) => JSON.stringify(text)).join(' and ');
}

function introduction({ host, name, instruction, prompts }: LoginPrompt): string {
  const hidden = prompts.some(({ isSecret }) => isSecret) ? ' (what you type is not shown)' : '';
  return [
    `${host} asks${hidden}:`,
    ...[name, instruction].filter(Boolean).map((text) => `  ${printable(text)}`),
    '',
  ].join('\n');
}

/** Null: the person gave no answer, or the prompt has expired. */
async function readAnswer(
  terminal: Terminal,
  text: string,
  isSecret: boolean,
  signal: AbortSignal,
): Promise<string | null> {
  const { input, questions } = terminal;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: isSecret ? nowhere : questions, terminal: true, historySize: 0 });
  lines.once('SIGINT', () => terminal.interrupt());
  const closed = once(lines, 'close').then(() => null);
  if (isSecret) questions.write(text);
  try {
    return await Promise.race([lines.question(isSecret ? '' : text, { signal }), closed]);
  } catch {
    // Aborted: nothing else rejects.
    return null;
  } finally {
    lines.close();
    if (isSecret) questions.write('\n');
  }
}
