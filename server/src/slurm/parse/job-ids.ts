import { arrayTaskIds } from '../../domain/array-spec.ts';

/** `14` and `8_2` are themselves; `8_[4-6,9%2]` is every task it names. Null: none of these. */
export function jobIds(id: string): readonly string[] | null {
  if (/^\d+(?:_\d+)?$/.test(id)) return [id];
  const match = /^(\d+)_\[([^\]]+)\]$/.exec(id);
  const tasks = match?.[2] === undefined ? null : arrayTaskIds(match[2]);
  return tasks === null ? null : tasks.map((task) => `${match?.[1]}_${task}`);
}
