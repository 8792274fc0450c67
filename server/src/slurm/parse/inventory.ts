import type { ClusterNode, ClusterPartition, NodeObstacle, ResourceCount } from '../../domain/inventory.ts';
import { gresReader } from './node-gres.ts';
import { stateReader } from './node-state.ts';
import { durationSeconds, textValue } from './values.ts';

/**
 * One node a line, as `scontrol --details --oneliner show node` prints them; `partitions` are those of the same
 * answer. Lines that are no node are passed over. Throws on a node in a form that isn't known: to leave it out would
 * make every total wrong.
 */
export function parseNodes(output: string, partitions: readonly ClusterPartition[]): readonly ClusterNode[] {
  const readers = {
    state: stateReader(),
    gres: gresReader(),
    openPartitions: new Set(partitions.filter(({ state }) => state === 'UP').map(({ name }) => name)),
  };
  const nodes = new Map<string, ClusterNode>();
  for (const line of output.split('\n')) {
    // A comment may hold line breaks, and behind them whatever its author likes.
    const name = /^NodeName=(\S+) .*?CoresPerSocket=\d/.exec(line)?.[1];
    if (name === undefined || nodes.has(name)) continue;
    nodes.set(name, parseNode(name, line, readers));
  }
  return [...nodes.values()];
}

/** One partition a line, as `scontrol --oneliner show partition` prints them. */
export function parsePartitions(output: string): readonly ClusterPartition[] {
  return output.split('\n').flatMap((line) => {
    const name = /^PartitionName=(\S+)/.exec(line)?.[1];
    if (name === undefined) return [];
    return [
      {
        name,
        isDefault: field(line, 'Default') === 'YES',
        state: field(line, 'State') ?? 'UNKNOWN',
        timeLimitSeconds: durationSeconds(field(line, 'MaxTime') ?? ''),
      },
    ];
  });
}

/** Reads what repeats from node to node; made anew for each answer. */
interface Readers {
  readonly state: ReturnType<typeof stateReader>;
  readonly gres: ReturnType<typeof gresReader>;
  readonly openPartitions: ReadonlySet<string>;
}

function parseNode(name: string, line: string, readers: Readers): ClusterNode {
  const { identity, memory, state, tres, notes } = partsOf(line);
  const { meaning, ...standing } = readers.state(field(state, 'State') ?? '');
  const { isUsable } = standing;
  const partitions = (field(state, 'Partitions') ?? '').split(',').filter(Boolean);

  // Cores and memory that are set aside for the system are told only where there are any (cores from 22.05).
  const cpuTotal = numberOf(identity, 'CPUTot') ?? unknownForm(line);
  const systemCpus = cpuTotal - (numberOf(identity, 'CPUEfctv') ?? cpuTotal);
  const cpus = count(cpuTotal, numberOf(identity, 'CPUAlloc') ?? 0, systemCpus, isUsable);
  const memoryTotal = numberOf(memory, 'RealMemory') ?? unknownForm(line);
  const systemMemory = numberOf(memory, 'MemSpecLimit') ?? 0;
  const memoryMb = count(memoryTotal, numberOf(memory, 'AllocMem') ?? 0, systemMemory, isUsable);

  const obstacle = ((): NodeObstacle | null => {
    if (!isUsable) return 'STATE';
    if (!partitions.some((partition) => readers.openPartitions.has(partition))) return 'PARTITIONS';
    if (cpus.idle === 0) return 'CPUS';
    return memoryMb.idle === 0 ? 'MEMORY' : null;
  })();
  return {
    name,
    ...standing,
    obstacle,
    reason: reasonOf(notes) ?? meaning,
    partitions,
    cpus,
    memoryMb,
    ...readers.gres(
      {
        configured: field(identity, 'Gres') ?? '',
        used: field(identity, 'GresUsed') ?? '',
        allocatedTres: field(tres, 'AllocTRES') ?? '',
      },
      { isUsable, isObtainable: obstacle === null },
    ),
  };
}

/**
 * A node's line in pieces, none of which reaches into a text that somebody has typed. Slurm prints its keys in one
 * order (src/api/node_info.c), with the texts last: Reason, Comment and Extra. Only OS, what `uname` says, stands
 * before keys that are read; so those begin at two that stand side by side.
 */
function partsOf(line: string) {
  const memory = memoryStart(line);
  const state = find(line, ' State=', memory);
  const times = find(line, ' BootTime=', state);
  const tres = find(line, ' CfgTRES=', times);
  const allocated = find(line, ' AllocTRES=', tres);
  const notes = line.indexOf(' ', allocated + 1);
  const os = line.indexOf(' OS=');
  return {
    identity: line.slice(0, os === -1 ? memory : Math.min(os, memory)),
    memory: line.slice(memory, state),
    state: line.slice(state, times),
    tres: line.slice(allocated, notes === -1 ? undefined : notes),
    notes: notes === -1 ? '' : line.slice(notes),
  };
}

function memoryStart(line: string): number {
  const pair = / RealMemory=\d+ AllocMem=\d+ /y;
  for (let at = line.indexOf(' RealMemory='); at !== -1; at = line.indexOf(' RealMemory=', at + 1)) {
    pair.lastIndex = at;
    if (pair.test(line)) return at;
  }
  return unknownForm(line);
}

function find(line: string, key: string, from: number): number {
  const index = line.indexOf(key, from);
  return index === -1 ? unknownForm(line) : index;
}

function unknownForm(line: string): never {
  throw new Error(`scontrol shows a node in a form that is not known: ${JSON.stringify(line.slice(0, 200))}`);
}

/**
 * Only a Reason= before any other text is Slurm's own, and it ends where the next text begins: one that holds such a
 * key itself is cut there, so that a comment can't add to it. Its author stands behind it, where there is one.
 */
function reasonOf(notes: string): string | null {
  if (!notes.includes(' Reason=')) return null;
  const [first = ''] = notes.split(/ (?:Comment|Extra|InstanceId|InstanceType|ReservationName)=/, 1);
  const text = / Reason=(.*)$/.exec(first)?.[1] ?? '';
  return textValue((/^(.*?) \[[^\s\]]+@[^\s\]]+\]/.exec(text)?.[1] ?? text).trim());
}

/** `system`: what no job ever gets. */
function count(total: number, allocated: number, system: number, isUsable: boolean): ResourceCount {
  // A node may be in use beyond what it has by now.
  const taken = Math.min(total, allocated);
  const idle = isUsable ? Math.max(0, total - system - taken) : 0;
  return { total, allocated: taken, idle, unavailable: total - taken - idle };
}

/** The value of the first `Key=value` in a piece without free texts. */
function field(piece: string, key: string): string | null {
  const start = piece.indexOf(` ${key}=`);
  if (start === -1) return null;
  const from = start + key.length + 2;
  const end = piece.indexOf(' ', from);
  return end === -1 ? piece.slice(from) : piece.slice(from, end);
}

function numberOf(piece: string, key: string): number | null {
  const text = field(piece, key);
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}
