/** No cluster has more nodes: a list that says so is not believed. */
const MAX_NODES = 100_000;

/**
 * The nodes of a list as Slurm writes it: `gpu[01-03,07],login`, with several ranges in a name too, `rack[1-2]n[0-3]`.
 * What can't be read is given as it stands.
 */
export function nodeNames(list: string): readonly string[] {
  const names: string[] = [];
  // Commas inside brackets belong to the ranges.
  for (const entry of list.split(/,(?![^[]*\])/)) {
    const expanded = entry === '' ? [] : expand(entry);
    if (expanded === null || names.length + expanded.length > MAX_NODES) return [list];
    names.push(...expanded);
  }
  return names;
}

function expand(entry: string): readonly string[] | null {
  const [whole, before = '', ranges = '', after = ''] = /^([^[\]]*)\[([^[\]]*)\](.*)$/s.exec(entry) ?? [];
  if (whole === undefined) return /[[\]]/.test(entry) ? null : [entry];
  const rest = expand(after);
  if (rest === null) return null;
  const names: string[] = [];
  for (const range of ranges.split(',')) {
    const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    const count = Number(last) - Number(first) + 1;
    if (first === '' || count < 1 || names.length + count * rest.length > MAX_NODES) return null;
    for (let index = 0; index < count; index += 1) {
      const number = String(Number(first) + index).padStart(first.length, '0');
      for (const end of rest) names.push(`${before}${number}${end}`);
    }
  }
  return names;
}
