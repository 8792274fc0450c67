import type { AllocatedGpus, JobAllocation } from '../../domain/allocation.ts';
import { bounded } from '../../domain/text.ts';
import { UnreadableAnswer } from '../errors.ts';
import { MAX_JOB_COUNT, MAX_JOB_MEMORY_MB, MAX_JOB_TYPES, MAX_NAME, MAX_RESOURCES } from './limits.ts';
import { countValue, numberValue } from './values.ts';

/** How Slurm writes memory (src/common/slurm_protocol_api.c, convert_num_unit); without a unit it is MiB. */
const MIB: Readonly<Record<string, number>> = { K: 1 / 1024, '': 1, M: 1, G: 1024, T: 1024 ** 2, P: 1024 ** 3 };

/**
 * What a job was allocated, `cpu=4,mem=4G,node=1,billing=4,gres/gpu=2,gres/gpu:a100=2`, as squeue (`tres-alloc`) and
 * sacct (`AllocTRES`) show it; null if they show none. `tracksGpus`: the cluster counts GPUs among its trackable
 * resources. Throws UnreadableAnswer for more than any job has.
 */
export function parseAllocation(
  tres: string,
  timeLimitSeconds: number | null,
  tracksGpus: boolean,
): JobAllocation | null {
  if (tres.length > MAX_RESOURCES) throw new UnreadableAnswer(`a job has ${bounded(tres, 100)}`);
  const values = new Map(
    tres.split(',').flatMap((entry) => {
      const [, key, value] = /^([^=]+)=(.+)$/.exec(entry) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value] as const];
    }),
  );
  if (!values.has('cpu') && !values.has('node')) return null;
  return {
    cpus: jobCount(values.get('cpu')),
    memoryMb: memoryMb(values.get('mem') ?? ''),
    gpus: tracksGpus ? gpusOf(values) : null,
    timeLimitSeconds,
  };
}

function memoryMb(text: string): number | null {
  const [whole, amount, unit = ''] = /^(\d+(?:\.\d+)?)([KMGTP]?)$/.exec(text) ?? [];
  if (whole === undefined) return null;
  const mebibytes = Math.round(Number(amount) * (MIB[unit] ?? 1));
  if (mebibytes > MAX_JOB_MEMORY_MB) throw new UnreadableAnswer(`a job has ${bounded(text, 40)} of memory`);
  return mebibytes;
}

function jobCount(text = ''): number | null {
  const count = numberValue(text, MAX_JOB_COUNT, 'number of what a job has') ?? countValue(text);
  if (count !== null && count > MAX_JOB_COUNT) throw new UnreadableAnswer(`a job has ${count} of something`);
  return count;
}

/** `gres/gpu` counts all GPUs, `gres/gpu:TYPE` only those of a type that the site tracks: never add both. */
function gpusOf(values: ReadonlyMap<string, string>): readonly AllocatedGpus[] {
  const typed: AllocatedGpus[] = [];
  for (const [key, value] of values) {
    const gpuType = /^gres\/gpu:(.+)$/.exec(key)?.[1];
    const count = gpuType === undefined ? 0 : (jobCount(value) ?? 0);
    if (gpuType === undefined || count === 0 || typed.length === MAX_JOB_TYPES) continue;
    typed.push({ gpuType: bounded(gpuType, MAX_NAME), count });
  }
  const told = typed.reduce((sum, { count }) => sum + count, 0);
  const untold = (jobCount(values.get('gres/gpu')) ?? 0) - told;
  return untold > 0 ? [...typed, { gpuType: '', count: untold }] : typed;
}
