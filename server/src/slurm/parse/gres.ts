import { bounded, partsOf } from '../../domain/text.ts';
import { UnreadableAnswer } from '../errors.ts';
import { MAX_NAME, MAX_RESOURCES } from './limits.ts';
import { countValue } from './values.ts';

/** One entry of a gres list. */
export interface Gres {
  /** gpu, shard, mps, or whatever else a site counts. */
  readonly name: string;
  /** Empty without a type; may contain dots, as in MIG. */
  readonly type: string;
  readonly count: number;
  /** Indexes of the devices in use, as far as they are shown. */
  readonly devices: readonly number[];
}

/** No node has more devices, or a higher index: such entries are ignored. */
const MAX_DEVICES = 4096;

/**
 * A list such as `gpu:a100:3(IDX:0,2-3),shard:a100:6(2/4,4/4)`, from Gres= or GresUsed=. Entries without a count that
 * can be read are omitted. Throws UnreadableAnswer for a list that is too long.
 */
export function parseGres(list: string): readonly Gres[] {
  if (list.length > MAX_RESOURCES) throw new UnreadableAnswer(`a node has ${bounded(list, 100)}`);
  const entries: Gres[] = [];
  let left = MAX_DEVICES;
  // Commas inside parentheses belong to the devices.
  for (const entry of partsOf(list, ',', '()')) {
    const detailsAt = entry.endsWith(')') ? entry.lastIndexOf('(') : entry.length;
    const parts = entry.slice(0, detailsAt).split(':');
    const [name = ''] = parts;
    const count = parts.length < 2 ? null : countValue(parts.at(-1) ?? '');
    if (count === null) continue;
    const type = parts.slice(1, -1).join(':');
    const devices = devicesInUse(entry.slice(detailsAt), left);
    left -= devices.length;
    entries.push({ name, type: type === '(null)' ? '' : bounded(type, MAX_NAME), count, devices });
  }
  return entries;
}

/** Counts by type of the entries with this name. */
export function countByType(entries: readonly Gres[], name: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    if (entry.name === name) counts.set(entry.type, (counts.get(entry.type) ?? 0) + entry.count);
  }
  return counts;
}

/**
 * `(IDX:0,2-3)` lists the devices, `(2/4,0/4)` how much of each shared device is in use, `(S:0)` only their sockets.
 * `-/4` is a shared device that is allocated whole, as a GPU and not in shards: no shard of it is in use. Empty for
 * more than `most` devices.
 */
function devicesInUse(details: string, most: number): readonly number[] {
  const devices: number[] = [];
  const indexes = /^\(IDX:([\d,-]+)\)$/.exec(details)?.[1];
  for (const range of indexes?.split(',') ?? []) {
    const [first = 0, last = first] = range.split('-').map(Number);
    // Counting up from a number beyond 2^53 never ends: it stays the same.
    if (last >= MAX_DEVICES || devices.length + last - first >= most) return [];
    for (let device = first; device <= last; device += 1) devices.push(device);
  }
  const shares = /^\(((?:\d+|-)\/\d+(?:,(?:\d+|-)\/\d+)*)\)$/.exec(details)?.[1];
  for (const [device, share] of (shares?.split(',') ?? []).entries()) {
    if (Number.parseInt(share, 10) > 0) devices.push(device);
  }
  return devices.length > most ? [] : devices;
}
