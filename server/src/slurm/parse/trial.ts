import { NOT_TRIED, type Trial } from '../commands/trial.ts';
import { slurmMessage } from './messages.ts';
import { isLostAnswer } from './submit.ts';

/** The first variant of a query that works, or why none does, with the command's own words. */
export type TrialOutcome = { readonly way: number } | { readonly fault: string };

export function trialOutcome({ command, script, sections }: Trial, stdout: string): TrialOutcome {
  const said = new Set<string>();
  for (const [way, name] of sections.entries()) {
    const section = script.read(stdout, name);
    if (section?.exitCode === 0 && section.output.trim() !== NOT_TRIED && !isLostAnswer(section.output)) return { way };
    said.add(slurmMessage(section?.output ?? '') || 'it gave no whole answer');
  }
  return { fault: `${command}: ${[...said].join('; ')}` };
}
