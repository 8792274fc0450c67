/** This many ranges stay far below Linux's limit for one argument of a command: 128 KiB (execve(2)). */
const MAX_RANGES = 2000;

/**
 * Jobs as scancel and scontrol take them, the tasks of an array together: `7`, `8_3`, `9_[0-4,7]`. In the order of
 * each one's first mention, each once.
 */
export function jobLists(slurmJobIds: readonly string[]): string[] {
  const tasksOf = new Map<string, number[]>();
  for (const slurmJobId of new Set(slurmJobIds)) {
    const [job = '', task] = slurmJobId.split('_');
    // A job and a task never share a number: an array has the number of its tasks.
    const key = task === undefined ? slurmJobId : `${job}_`;
    const tasks = tasksOf.get(key) ?? [];
    if (task !== undefined) tasks.push(Number(task));
    tasksOf.set(key, tasks);
  }
  return [...tasksOf].flatMap(([key, tasks]) => (tasks.length === 0 ? [key] : taskLists(key, tasks)));
}

function taskLists(prefix: string, tasks: readonly number[]): string[] {
  const [only] = tasks;
  if (tasks.length === 1) return [`${prefix}${only}`];
  const ranges: [first: number, last: number][] = [];
  for (const task of [...tasks].sort((left, right) => left - right)) {
    const open = ranges.at(-1);
    if (open !== undefined && open[1] === task - 1) open[1] = task;
    else ranges.push([task, task]);
  }
  const words = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  const lists: string[] = [];
  for (let start = 0; start < words.length; start += MAX_RANGES) {
    lists.push(`${prefix}[${words.slice(start, start + MAX_RANGES).join(',')}]`);
  }
  return lists;
}
