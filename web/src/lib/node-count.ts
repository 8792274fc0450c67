/** How many nodes a list of Slurm's names, "gpu[01-03,07],login"; null: it can't be read. */
export function countNodes(list: string): number | null {
  const isPaired = !/[[\]]/.test(list.replaceAll(/\[[^[\]]*\]/g, ''));
  if (!isPaired) return null;
  let count = 0;
  // Commas inside brackets belong to the ranges.
  for (const [entry] of list.matchAll(/(?:\[[^[\]]*\]|[^,[])+/g)) {
    let ofEntry = 1;
    // Several ranges in one name make nodes of each with each.
    for (const [, ranges = ''] of entry.matchAll(/\[([^[\]]*)\]/g)) {
      ofEntry *= ranges.split(',').reduce((sum, range) => sum + lengthOf(range), 0);
    }
    count += ofEntry;
  }
  return Number.isSafeInteger(count) && count > 0 ? count : null;
}

/** Of "07" or "01-03". NaN: it is neither. */
function lengthOf(range: string): number {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
  return Number(last) - Number(first) + 1;
}
