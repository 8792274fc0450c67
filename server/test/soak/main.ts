import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { reportText } from './report.ts';
import { Soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    jobs: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    log: { type: 'string', default: 'soak.log' },
  },
});
const [minutes, jobs, seed] = [values.minutes, values.jobs, values.seed].map(Number);
if (minutes === undefined || jobs === undefined || seed === undefined || !(minutes > 0 && jobs > 0 && seed >= 0)) {
  process.stderr.write('npm run soak -- [--minutes 10] [--jobs 300] [--seed NUMBER] [--log FILE]\n');
  process.exit(1);
}

// npm runs this in the repository's root; a path is meant from where the person is.
const logFile = resolve(process.env['INIT_CWD'] ?? process.cwd(), values.log);
const written = createWriteStream(logFile);
const log = (line: string) => {
  written.write(`${line}\n`);
  process.stderr.write(`${line}\n`);
};
await using soak = await Soak.open({ minutes, jobs, seed, log });
const report = await soak.run();
written.end(`${reportText(report)}\n`);
process.stdout.write(`\n${reportText(report)}\n\nWhat was done is written to ${logFile}\n`);
process.exitCode = report.differences.length === 0 ? 0 : 1;
