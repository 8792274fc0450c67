import { type Script, type SearchPath, script } from '../shell.ts';
import { CLEAN_QUERY } from './environment.ts';

const INVENTORY = [
  { name: 'partitions', command: 'scontrol --oneliner show partition' },
  // --details shows the GPUs in use.
  { name: 'nodes', command: 'scontrol --details --oneliner show node' },
];

/** Partitions and nodes: sections `partitions` and `nodes`. */
export function inventoryScript(searchPath: SearchPath): Script {
  return script(searchPath, CLEAN_QUERY, INVENTORY);
}

/** Tries both queries: the sections of `inventoryScript`, with the errors of scontrol. */
export function inventoryTrialScript(searchPath: SearchPath): Script {
  const sections = INVENTORY.map(({ name, command }) => ({ name, command: `${command} 2>&1 >/dev/null` }));
  return script(searchPath, CLEAN_QUERY, sections);
}
