/** One file below `rows/` exports one of these as `benchmark`. */
export interface Benchmark {
  /** One line for the list of what there is. */
  readonly about: string;
  run(context: Context): Promise<readonly Row[]>;
}

export interface Context {
  /** Ends what a benchmark has started, the last first, also when it fails. */
  readonly stack: AsyncDisposableStack;
  /** How many jobs the lists hold. */
  readonly jobs: number;
  /** For the person who waits. */
  progress(line: string): void;
}

export interface Row {
  /** The work, as a person would name it: "a command on the kept connection, p50". */
  readonly work: string;
  readonly unit: 'ms' | 's' | 'MiB' | 'requests/min' | 'times' | '/s' | 'events' | 'subscribers';
  readonly ours: number;
  /** What ours is held against: a peer that did the same work in the same run, or a limit that was set for it. */
  readonly against: { readonly name: string; readonly kind: 'peer' | 'limit'; readonly figure: number };
  /** What ours divided by the other figure has to be. */
  readonly goal: { readonly atMost: number } | { readonly atLeast: number };
  /** How many runs, or single measurements, stand behind ours. */
  readonly samples: number;
}

export interface Judged extends Row {
  /** Null: the other figure is 0. */
  readonly ratio: number | null;
  readonly isMet: boolean;
}

/** Holds a row against its goal. */
export function judge(row: Row): Judged {
  const { ours, against, goal } = row;
  const bound = 'atMost' in goal ? goal.atMost * against.figure : goal.atLeast * against.figure;
  return {
    ...row,
    ratio: against.figure === 0 ? null : ours / against.figure,
    isMet: 'atMost' in goal ? ours <= bound : ours >= bound,
  };
}
