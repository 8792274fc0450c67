import { countValue } from './values.ts';

/**
 * GPUs by type from a gres list such as `gpu:a100:3(IDX:0,2-3),shard:8(S:0)`. Only the name `gpu` counts: shards and
 * MPS shares are slices of the same devices. The type is empty for untyped GPUs and may hold dots, as MIG's do.
 */
export function gpusByType(gres: string): Map<string, number> {
  const gpus = new Map<string, number>();
  // Commas inside parentheses belong to the device indexes.
  for (const entry of gres.split(/,(?![^(]*\))/)) {
    const parts = entry.replace(/\([^()]*\)$/, '').split(':');
    if (parts[0] !== 'gpu') continue;
    const count = countValue(parts.at(-1) ?? '');
    if (parts.length < 2 || count === null) continue;
    const type = parts.slice(1, -1).join(':');
    const known = type === '(null)' ? '' : type;
    gpus.set(known, (gpus.get(known) ?? 0) + count);
  }
  return gpus;
}
