import { linesOf } from '../../domain/text.ts';
import { MAX_ANSWER } from './limits.ts';
import { joinedLines } from './messages.ts';

/**
 * Slurm's refusal of `scontrol hold`, `release` or `requeue` in its own words; null if it did so, for an array at least
 * for some tasks: then it answers by task, `14_4-6: Job has already finished` and `14_7,9: No error`. Longer output is
 * cut.
 */
export function parseControl(exitCode: number, output: string): string | null {
  if (exitCode === 0) return null;
  const said = output.slice(0, MAX_ANSWER);
  if (linesOf(said).some((line) => wordsOf(line) === 'No error')) return null;
  return joinedLines(said, wordsOf) || `scontrol ended with code ${exitCode} and said nothing`;
}

function wordsOf(line: string): string {
  return (
    line
      .trim()
      // The library repeats it without the job's number: "slurm_suspend error: …", in 26.05 without the blank, and
      // without any words where a list was refused in part.
      .replace(/^slurm_\w+ error(?:: ?|$)/, '')
      .replace(/^\d[\d_,[\]-]*: /, '')
      .replace(/ for job \d[\d_,[\]%-]*$/, '')
  );
}
