import { parseArgs } from 'node:util';
import { ClientSoak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    clients: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const [minutes, clients, seed] = [values.minutes, values.clients, values.seed].map(Number);
if (
  minutes === undefined ||
  clients === undefined ||
  seed === undefined ||
  !(minutes > 0 && clients > 0 && seed >= 0)
) {
  process.stderr.write('npm run soak:clients -- [--minutes 60] [--clients 60] [--seed NUMBER]\n');
  process.exit(1);
}

await using soak = await ClientSoak.open((line) => process.stderr.write(`${line}\n`));
const { rows, made } = await soak.run({ minutes, clients, seed });
process.stdout.write(`seed ${seed}\n`);
for (const [behaviour, count] of Object.entries(made))
  process.stdout.write(`${String(count).padStart(8)}  ${behaviour}\n`);
for (const { what, figures, isBack } of rows) {
  process.stdout.write(`${isBack ? 'back' : 'KEPT'}  ${what}: ${figures.join(' → ')}\n`);
}
process.exitCode = rows.every(({ isBack }) => isBack) ? 0 : 1;
