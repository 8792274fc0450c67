import type { SoakReport } from './soak.ts';

/** The report for a terminal: figures, then one line a difference. */
export function reportText({ seed, figures, differences }: SoakReport): string {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  const lines = Object.entries(figures).map(([name, figure]) => `${name.padEnd(width)}  ${figure}`);
  const verdict =
    differences.length === 0
      ? 'Everything told is what Slurm accounts for.'
      : [
          `${differences.length} differences from what Slurm accounts for:`,
          ...differences.map(({ job, what, told, truth }) => `  ${job} | ${what} | told: ${told} | Slurm: ${truth}`),
        ].join('\n');
  return [`seed ${seed}`, ...lines, '', verdict].join('\n');
}
