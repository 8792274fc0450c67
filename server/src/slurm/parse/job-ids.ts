import { arrayTaskIds } from '../../domain/array-spec.ts';
import { componentId } from './components.ts';

/** `14`, `8_2` and `9+1` are themselves; `8_[4-6,9%2]` is every task it names. Null: none of these. */
export function jobIds(id: string): readonly string[] | null {
  if (/^\d{1,10}(?:_\d{1,9})?$/.test(id) || componentId(id) !== null) return [id];
  const match = /^(\d{1,10})_\[([^\]]+)\]$/.exec(id);
  const tasks = match?.[2] === undefined ? null : arrayTaskIds(match[2]);
  return tasks === null ? null : tasks.map((task) => `${match?.[1]}_${task}`);
}
