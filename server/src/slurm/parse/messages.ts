import { bounded, linesOf } from '../../domain/text.ts';

/** Of a command's message; some sites print pages of greetings. */
const MAX_MESSAGE = 2000;
/** How much of it is searched for a message, in UTF-16 units. */
export const MAX_READ = 64 * 1024;

/** A command's output as text for people: each line as `words` returns it, without repetitions. */
export function joinedLines(output: string, words: (line: string) => string, separator: '; ' | '\n' = '; '): string {
  const read = output.slice(0, MAX_READ);
  const said = new Set(linesOf(read).map(words).filter(Boolean));
  return bounded([...said].join(separator), MAX_MESSAGE, { beyond: output.length - read.length });
}

/** A command's error output as one line for people, without the command's name and repetitions. */
export function slurmMessage(stderr: string): string {
  return joinedLines(stderr, (line) =>
    line
      .replace(/^(?:\/\S*\/)?(?:sbatch|squeue|sacct|scancel|scontrol|sinfo|slurm_\w+): (?:error: |fatal: )?/, '')
      .trim(),
  );
}
