import { partsOf } from './text.ts';

/** Of a list of nodes, as Slurm shortens it, in UTF-16 units. */
export const MAX_NODE_LIST = 16 * 1024;

/** No cluster has more nodes: a longer list is not believed. */
export const MAX_NODES = 100_000;
/** The maximum total length of the names, in characters. */
const MAX_LENGTH = 8 * 1024 * 1024;
/** Several ranges in one name are combined with each other. */
const MAX_RANGES = 8;
const MAX_DIGITS = 15;

/**
 * The nodes of a list as Slurm writes it: `gpu[01-03,07],login`, with several ranges in a name too, `rack[1-2]n[0-3]`.
 * A list that can't be parsed, or has more than `most` nodes, is returned as one name.
 */
export function nodeNames(list: string, most = MAX_NODES): readonly string[] {
  const names: string[] = [];
  let length = 0;
  // Commas inside brackets belong to the ranges.
  for (const entry of partsOf(list, ',', '[]')) {
    const expanded = entry === '' ? [] : expand(entry, most, MAX_RANGES);
    if (expanded === null || names.length + expanded.length > most) return [list];
    for (const name of expanded) names.push(name);
    length += expanded.length * (expanded[0]?.length ?? 0);
    if (length > MAX_LENGTH) return [list];
  }
  return names;
}

/** How many names `nodeNames` would make of a list, without making them; null: it can't be parsed. */
export function countNodes(list: string): number | null {
  let count = 0;
  for (const entry of partsOf(list, ',', '[]')) {
    const [before = '', ...groups] = entry.split('[');
    if (before.includes(']')) return null;
    let names = entry === '' ? 0 : 1;
    for (const group of groups) {
      const [ranges = '', after, ...others] = group.split(']');
      if (after === undefined || others.length > 0) return null;
      let numbers = 0;
      for (const range of ranges.split(',')) {
        const [, first = '', last = first] = RANGE.exec(range) ?? [];
        if (first === '' || Number(last) < Number(first)) return null;
        numbers += Number(last) - Number(first) + 1;
      }
      names *= numbers;
    }
    count += names;
  }
  return count;
}

const RANGE = /^(\d{1,15})(?:-(\d{1,15}))?$/;

function expand(entry: string, most: number, mostRanges: number): readonly string[] | null {
  const open = entry.indexOf('[');
  if (open === -1) return entry.includes(']') ? null : [entry];
  const close = entry.indexOf(']', open);
  const [before, ranges, after] = [entry.slice(0, open), entry.slice(open + 1, close), entry.slice(close + 1)];
  if (close === -1 || mostRanges === 0 || before.includes(']') || ranges.includes('[')) return null;
  const rest = expand(after, most, mostRanges - 1);
  if (rest === null) return null;
  const length = before.length + MAX_DIGITS + (rest[0]?.length ?? 0);
  const names: string[] = [];
  for (const range of ranges.split(',')) {
    const [, first = '', last = first] = RANGE.exec(range) ?? [];
    const count = (Number(last) - Number(first) + 1) * rest.length;
    if (first === '' || count < 1 || names.length + count > most) return null;
    if ((names.length + count) * length > MAX_LENGTH) return null;
    for (let number = Number(first); number <= Number(last); number += 1) {
      for (const end of rest) names.push(`${before}${String(number).padStart(first.length, '0')}${end}`);
    }
  }
  return names;
}
