import { parseArgs } from 'node:util';
import { ClientSoak } from './soak.ts';

const { values } = parseArgs({
  options: {
    'warm-up': { type: 'string', default: '20' },
    minutes: { type: 'string', default: '60' },
    clients: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const [warmUpMinutes = Number.NaN, minutes = Number.NaN, clients = Number.NaN, seed = Number.NaN] = [
  values['warm-up'],
  values.minutes,
  values.clients,
  values.seed,
].map(Number);
if (!(warmUpMinutes > 0 && minutes > 0 && clients > 0 && seed >= 0)) {
  process.stderr.write('npm run soak:clients -- [--warm-up 20] [--minutes 60] [--clients 60] [--seed NUMBER]\n');
  process.exit(1);
}

await using soak = await ClientSoak.open((line) => process.stderr.write(`${line}\n`));
const { rows, made } = await soak.run({ warmUpMinutes, minutes, clients, seed });
process.stdout.write(`seed ${seed}\n`);
for (const [behaviour, count] of Object.entries(made))
  process.stdout.write(`${String(count).padStart(8)}  ${behaviour}\n`);
for (const { what, figures, isBack } of rows) {
  process.stdout.write(`${isBack ? 'back' : 'KEPT'}  ${what}: ${figures.join(' → ')}\n`);
}
process.exitCode = rows.every(({ isBack }) => isBack) ? 0 : 1;
