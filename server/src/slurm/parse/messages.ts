import { bounded, linesOf } from '../../domain/text.ts';

/** Of what a command says; some sites greet with pages. */
const MAX_MESSAGE = 2000;
/** So much of it is looked through for something to say, in UTF-16 units. */
export const MAX_READ = 64 * 1024;

/** What a command printed as a text for people: each of its lines as `words` gives it, each once. */
export function joinedLines(output: string, words: (line: string) => string, separator: '; ' | '\n' = '; '): string {
  const read = output.slice(0, MAX_READ);
  const said = new Set(linesOf(read).map(words).filter(Boolean));
  return bounded([...said].join(separator), MAX_MESSAGE, { beyond: output.length - read.length });
}

/** A command's error output as one line for people: without the command's name, each sentence once. */
export function slurmMessage(stderr: string): string {
  return joinedLines(stderr, (line) =>
    line.replace(/^(?:sbatch|squeue|sacct|scancel|scontrol|sinfo|slurm_\w+): (?:error: |fatal: )?/, '').trim(),
  );
}
