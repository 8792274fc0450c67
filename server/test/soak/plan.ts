import type { Random } from './random.ts';

/** A job that is to be submitted, and what its payload does when nobody interferes. */
export interface Plan {
  readonly name: string;
  /** What `submitJob` takes besides the project. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Of one that ends by itself; null: by a signal, by its limit, or not before somebody ends it. For an array, by task. */
  exitCode(task: number | null): number | null;
}

const CLUSTERS = ['alpha', 'beta'] as const;
const CODES = [0, 0, 0, 0, 1, 3, 42, 127, 143, 255] as const;

export function planJob(random: Random, name: string, minutes: number): Plan {
  const cluster = random.pick(CLUSTERS);
  const seconds = random.between(0, minutes < 3 ? 8 : 25);
  const code = random.pick(CODES);
  const kinds: readonly [share: number, plan: () => Plan][] = [
    [8, () => plan({ command: `sleep ${seconds}; exit ${code}` }, () => code)],
    // It waits, so that it can be held.
    [3, () => plan({ command: `sleep 1; exit ${code}`, extraOptions: [`--begin=now+${5 + seconds}`] }, () => code)],
    [2, () => plan({ command: 'sleep 3600' }, () => null)],
    // The payload's parent is the batch script.
    [2, () => plan({ command: `sleep ${seconds}; kill -9 $$; sleep 60` }, () => null)],
    // It saves its work when it is told to end, as training scripts do.
    [2, () => plan({ command: "trap 'exit 0' TERM; sleep 3600 & wait" }, () => null)],
    [
      3,
      () =>
        plan(
          { command: `sleep ${seconds}; exit $SLURM_ARRAY_TASK_ID`, array: random.pick(['0-3', '0-4%1', '1,3']) },
          (task) => task,
        ),
    ],
    [minutes < 3 ? 0 : 1, () => plan({ command: 'sleep 3600', timeLimitMinutes: 1 }, () => null)],
  ];
  const plan = (input: Readonly<Record<string, unknown>>, exitCode: Plan['exitCode']): Plan => ({
    name,
    input: { name, cluster, idempotencyKey: name, ...input },
    exitCode,
  });
  let ticket = random.next() * kinds.reduce((sum, [share]) => sum + share, 0);
  for (const [share, make] of kinds) {
    ticket -= share;
    if (ticket < 0) return make();
  }
  throw new RangeError('the shares have no sum');
}
