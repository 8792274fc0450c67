import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeEnvironment } from './environment.ts';
import { load, names } from './rows.ts';
import type { Result } from './run-one.ts';
import { table } from './table.ts';

const RUN_ONE = fileURLToPath(new URL('run-one.ts', import.meta.url));
const RESULTS = fileURLToPath(new URL('../results.json', import.meta.url));
const USAGE = 'npm run bench -- [--list] [--json FILE] [--jobs NUMBER] [NAME ...]';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean' },
    json: { type: 'string', default: RESULTS },
    jobs: { type: 'string', default: '1000000' },
  },
});
const jobs = Number(values.jobs);
if (!Number.isSafeInteger(jobs) || jobs < 1) {
  process.stderr.write(`--jobs must be a number above 0. ${USAGE}\n`);
  process.exit(1);
}
const all = await names();
const unknown = positionals.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark ${unknown.join(', ')}; there are ${all.join(', ')}. ${USAGE}\n`);
  process.exit(1);
}
if (values.list === true) {
  for (const name of all) process.stdout.write(`${name}: ${(await load(name)).about}\n`);
  process.exit(0);
}

const startedAt = new Date();
const results: Result[] = [];
for (const name of positionals.length > 0 ? positionals : all) results.push(await measure(name));
// npm runs this in the repository's root; a path is meant from where the person is.
const json = resolve(process.env['INIT_CWD'] ?? process.cwd(), values.json);
await writeFile(json, `${JSON.stringify({ startedAt, environment: await describeEnvironment(), results }, null, 2)}\n`);
process.stdout.write(`\n${table(results)}\n`);
for (const { benchmark, fault } of results) if (fault !== null) process.stdout.write(`${benchmark} failed: ${fault}\n`);
process.stdout.write(`\nWritten to ${json}\n`);
process.exit(results.every(({ fault, rows }) => fault === null && rows.every(({ isMet }) => isMet)) ? 0 : 1);

/** In a process of its own; resolves when that has ended. */
async function measure(name: string): Promise<Result> {
  const child = fork(RUN_ONE, [name, String(jobs)]);
  let result: Result | null = null;
  child.once('message', (message) => {
    result = message as Result;
  });
  const [code, signal] = await once(child, 'exit');
  return result ?? { benchmark: name, seconds: 0, rows: [], fault: `its process ended with ${code ?? signal}` };
}
