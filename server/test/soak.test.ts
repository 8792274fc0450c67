import { expect, it } from 'vitest';
import { reportText } from './soak/report.ts';
import { Soak } from './soak/soak.ts';

const MINUTES = 0.6;
const JOBS = 30;
/** The same ones each time, as far as time allows. */
const SEED = 20_261_125;

/** `npm run soak` does the same for longer, with other numbers each time. */
it('jobs, requests and faults at random: everything heals, and what is told is what Slurm accounts for', {
  timeout: 600_000,
}, async () => {
  const lines: string[] = [];
  try {
    await using soak = await Soak.open({
      minutes: MINUTES,
      jobs: JOBS,
      seed: SEED,
      log: (line) => void lines.push(line),
    });
    const report = await soak.run();
    lines.push(reportText(report));
    expect(report.figures['jobs']).toBe(JOBS);
    expect(report.figures['faults']).toBeGreaterThan(5);
    expect(report.differences).toEqual([]);
  } catch (cause) {
    process.stderr.write(`${lines.join('\n')}\n`);
    throw cause;
  }
});
