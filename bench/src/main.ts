import { readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Benchmark, type Judged, judge } from './benchmark.ts';
import { describeEnvironment } from './environment.ts';
import { table } from './table.ts';

const ROWS = fileURLToPath(new URL('rows/', import.meta.url));
const RESULTS = fileURLToPath(new URL('../results.json', import.meta.url));
const USAGE = 'npm run bench -- [--list] [--json FILE] [--jobs NUMBER] [NAME ...]';

interface Result {
  readonly benchmark: string;
  readonly seconds: number;
  readonly rows: readonly Judged[];
  /** Why it gave no rows; null: it did. */
  readonly fault: string | null;
}

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
  process.stderr.write(`--jobs wants a number above 0. ${USAGE}\n`);
  process.exit(1);
}
const names = (await readdir(ROWS)).map((file) => file.replace(/\.ts$/, '')).sort();
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark ${unknown.join(', ')}; there are ${names.join(', ')}. ${USAGE}\n`);
  process.exit(1);
}
if (values.list === true) {
  for (const name of names) process.stdout.write(`${name}: ${(await load(name)).about}\n`);
  process.exit(0);
}

const startedAt = new Date();
const results: Result[] = [];
for (const name of positionals.length > 0 ? positionals : names) results.push(await measure(name));
// npm runs this in the folder of the root; a path is meant from where the person is.
const json = resolve(process.env['INIT_CWD'] ?? process.cwd(), values.json);
await writeFile(json, `${JSON.stringify({ startedAt, environment: await describeEnvironment(), results }, null, 2)}\n`);
process.stdout.write(`\n${table(results)}\n`);
for (const { benchmark, fault } of results) if (fault !== null) process.stdout.write(`${benchmark} failed: ${fault}\n`);
process.stdout.write(`\nWritten to ${json}\n`);
process.exit(results.every(({ fault, rows }) => fault === null && rows.every(({ isMet }) => isMet)) ? 0 : 1);

async function load(name: string): Promise<Benchmark> {
  const { benchmark } = (await import(join(ROWS, `${name}.ts`))) as { readonly benchmark: Benchmark };
  return benchmark;
}

/** Never throws: one that fails doesn't keep the others from being measured. */
async function measure(name: string): Promise<Result> {
  const progress = (line: string) => void process.stderr.write(`${name}: ${line}\n`);
  const start = performance.now();
  let rows: readonly Judged[] = [];
  let fault: string | null = null;
  try {
    await using stack = new AsyncDisposableStack();
    rows = (await (await load(name)).run({ stack, progress, jobs })).map(judge);
  } catch (cause) {
    fault = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    progress(fault);
  }
  return { benchmark: name, seconds: Math.round((performance.now() - start) / 1000), rows, fault };
}
