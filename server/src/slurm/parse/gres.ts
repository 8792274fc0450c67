import { countValue } from './values.ts';

/** One entry of a gres list. */
export interface Gres {
  /** gpu, shard, mps, or whatever else a site counts. */
  readonly name: string;
  /** Empty without a type; may hold dots, as MIG's do. */
  readonly type: string;
  readonly count: number;
  /** Numbers of the devices that are in use, as far as they are told. */
  readonly devices: readonly number[];
}

/** No node has more devices: a range that says so is not believed. */
const MAX_DEVICES = 4096;

/**
 * A list such as `gpu:a100:3(IDX:0,2-3),shard:a100:6(2/4,4/4)`, from Gres= or GresUsed=. Entries without a count that
 * can be read are left out.
 */
export function parseGres(list: string): readonly Gres[] {
  const entries: Gres[] = [];
  // Commas inside parentheses belong to the devices.
  for (const entry of list.split(/,(?![^(]*\))/)) {
    const detailsAt = entry.endsWith(')') ? entry.lastIndexOf('(') : entry.length;
    const parts = entry.slice(0, detailsAt).split(':');
    const [name = ''] = parts;
    const count = parts.length < 2 ? null : countValue(parts.at(-1) ?? '');
    if (count === null) continue;
    const type = parts.slice(1, -1).join(':');
    entries.push({ name, type: type === '(null)' ? '' : type, count, devices: devicesInUse(entry.slice(detailsAt)) });
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
 * `(IDX:0,2-3)` tells the devices, `(2/4,0/4)` of shared ones how much of each is in use, `(S:0)` only their sockets.
 * `-/4` is a shared device that is given whole, as a GPU and not in shards: no shard of it is in use.
 */
function devicesInUse(details: string): readonly number[] {
  const indexes = /^\(IDX:([\d,-]+)\)$/.exec(details)?.[1];
  if (indexes !== undefined) {
    return indexes.split(',').flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: Math.max(0, Math.min(last, MAX_DEVICES) - first + 1) }, (_, index) => first + index);
    });
  }
  const shares = /^\(((?:\d+|-)\/\d+(?:,(?:\d+|-)\/\d+)*)\)$/.exec(details)?.[1];
  return (shares ?? '').split(',').flatMap((share, index) => (Number.parseInt(share, 10) > 0 ? [index] : []));
}
