import { parseArgs } from 'node:util';
import { ALL } from './all.ts';
import { addToCorpus, corpusFile } from './corpus.ts';
import { findingText, fuzz } from './fuzz.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    list: { type: 'boolean', default: false },
  },
});
const [seconds, seed] = [values.seconds, values.seed].map(Number);
const targets = ALL.filter(({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)));
const isAsked = seconds !== undefined && seconds >= 0 && seed !== undefined && Number.isInteger(seed);
if (!isAsked || targets.length === 0) {
  process.stderr.write('npm run fuzz -- [TARGET …] [--seconds 60] [--seed NUMBER]; -- --list names the targets\n');
  process.exit(1);
}
if (values.list) {
  for (const { name } of targets) process.stdout.write(`${name}\n`);
  process.exit(0);
}

for (const target of targets) {
  const { tried, finding } = await fuzz(target, { seconds, seed });
  process.stdout.write(`${target.name}: ${tried} tried\n`);
  if (finding === null) continue;
  process.exitCode = 1;
  process.stdout.write(`${findingText(finding)}\n`);
  if (finding.seed === null) continue;
  addToCorpus(finding.name, finding.input);
  process.stdout.write(`Kept in ${corpusFile(finding.name)}: mend it\n`);
}
