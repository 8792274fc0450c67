import type { AllocatedGpus, JobAllocation } from '../../domain/allocation.ts';
import { countValue } from './values.ts';

/** How Slurm writes memory (src/common/slurm_protocol_api.c, convert_num_unit); without a unit it is MiB. */
const MIB: Readonly<Record<string, number>> = { K: 1 / 1024, '': 1, M: 1, G: 1024, T: 1024 ** 2, P: 1024 ** 3 };

/**
 * What a job was given, `cpu=4,mem=4G,node=1,billing=4,gres/gpu=2,gres/gpu:a100=2`, as squeue (`tres-alloc`) and sacct
 * (`AllocTRES`) tell it; null where they tell none. `tracksGpus`: the cluster counts GPUs among its trackable resources.
 */
export function parseAllocation(
  tres: string,
  timeLimitSeconds: number | null,
  tracksGpus: boolean,
): JobAllocation | null {
  const values = new Map(
    tres.split(',').flatMap((entry) => {
      const [, key, value] = /^([^=]+)=(.+)$/.exec(entry) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value] as const];
    }),
  );
  if (!values.has('cpu') && !values.has('node')) return null;
  return {
    cpus: countValue(values.get('cpu') ?? ''),
    memoryMb: memoryMb(values.get('mem') ?? ''),
    gpus: tracksGpus ? gpusOf(values) : null,
    timeLimitSeconds,
  };
}

function memoryMb(text: string): number | null {
  const [whole, amount, unit = ''] = /^(\d+(?:\.\d+)?)([KMGTP]?)$/.exec(text) ?? [];
  return whole === undefined ? null : Math.round(Number(amount) * (MIB[unit] ?? 1));
}

/** `gres/gpu` counts all of them, `gres/gpu:TYPE` only those of a type that the site tracks: never both. */
function gpusOf(values: ReadonlyMap<string, string>): readonly AllocatedGpus[] {
  const typed = [...values].flatMap(([key, value]) => {
    const gpuType = /^gres\/gpu:(.+)$/.exec(key)?.[1];
    const count = countValue(value) ?? 0;
    return gpuType === undefined || count === 0 ? [] : [{ gpuType, count }];
  });
  const told = typed.reduce((sum, { count }) => sum + count, 0);
  const untold = (countValue(values.get('gres/gpu') ?? '') ?? 0) - told;
  return untold > 0 ? [...typed, { gpuType: '', count: untold }] : typed;
}
