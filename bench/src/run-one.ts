import { type Judged, judge } from './benchmark.ts';
import { load } from './rows.ts';

// One benchmark in a process of its own, so that none is measured in the heap that another left. Its parent is told.

export interface Result {
  readonly benchmark: string;
  readonly seconds: number;
  readonly rows: readonly Judged[];
  /** Why it gave no rows; null: it did. */
  readonly fault: string | null;
}

const [name = '', jobs] = process.argv.slice(2);
process.send?.(await measure(name, Number(jobs)), () => process.exit(0));

/** Never throws: one that fails doesn't keep the others from being measured. */
async function measure(benchmark: string, jobs: number): Promise<Result> {
  const progress = (line: string) => void process.stderr.write(`${benchmark}: ${line}\n`);
  const start = performance.now();
  let rows: readonly Judged[] = [];
  let fault: string | null = null;
  try {
    await using stack = new AsyncDisposableStack();
    rows = (await (await load(benchmark)).run({ stack, progress, jobs })).map(judge);
  } catch (cause) {
    fault = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    progress(fault);
  }
  return { benchmark, seconds: Math.round((performance.now() - start) / 1000), rows, fault };
}
