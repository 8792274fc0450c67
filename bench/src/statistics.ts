/** By the nearest rank, `share` from 0 to 1; throws for no values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('nothing was measured');
  return value;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The median of what each of so many runs says, where the values of all came one after another. */
export function medianOfRuns(
  values: readonly number[],
  runs: number,
  figure: (run: readonly number[]) => number,
): number {
  const size = Math.ceil(values.length / runs);
  return median(Array.from({ length: runs }, (_, run) => figure(values.slice(run * size, (run + 1) * size))));
}

/** How long it takes, in ms. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
