import type { ClusterNode, ClusterPartition, Inventory, NodeObstacle, ResourceCount } from '../../domain/inventory.ts';
import { bounded, linesOf, ownText } from '../../domain/text.ts';
import { UnreadableAnswer } from '../errors.ts';
import {
  Budget,
  MAX_MEMBERSHIPS,
  MAX_NAME,
  MAX_NODE_COUNT,
  MAX_NODE_MEMORY_MB,
  MAX_NODES,
  MAX_PARTITIONS,
  MAX_ROW,
  MAX_TEXT,
} from './limits.ts';
import { gresReader } from './node-gres.ts';
import { stateReader } from './node-state.ts';
import { readTotals } from './totals.ts';
import { atOnce, Pace, type Reading } from './turns.ts';
import { durationSeconds, numberValue, textValue } from './values.ts';

/** Reads partitions and nodes, yielding to the event loop. Throws UnreadableAnswer for more than any cluster has. */
export function* readInventory(
  partitionLines: string,
  nodeLines: string,
): Reading<Pick<Inventory, 'partitions' | 'nodes' | 'pools'>> {
  const partitions = yield* readPartitions(partitionLines);
  const nodes = yield* readNodes(nodeLines, partitions);
  return { nodes, ...(yield* readTotals(partitions, nodes)) };
}

/**
 * One node on each line, as `scontrol --details --oneliner show node` prints them; `partitions` are those of the same
 * answer. Lines that are no node are skipped. Throws UnreadableAnswer for a node in an unknown form: omitting it would
 * make every total wrong.
 */
export function parseNodes(output: string, partitions: readonly ClusterPartition[]): readonly ClusterNode[] {
  return atOnce(readNodes(output, partitions));
}

/** `parseNodes`, yielding to the event loop. */
export function* readNodes(output: string, partitions: readonly ClusterPartition[]): Reading<readonly ClusterNode[]> {
  const pace = new Pace();
  const readers = {
    state: stateReader(),
    gres: gresReader(),
    partitions: listReader('nodes of partitions'),
    features: listReader('features of nodes'),
    openPartitions: new Set(partitions.filter(({ state }) => state === 'UP').map(({ name }) => name)),
  };
  const count = new Budget(MAX_NODES, 'nodes');
  const nodes = new Map<string, ClusterNode>();
  for (const line of linesOf(output)) {
    if (pace.isDue(costOf(line))) yield;
    // A comment may contain line breaks, followed by anything.
    const name = /^NodeName=(\S+) .*?CoresPerSocket=\d/.exec(line)?.[1];
    if (name === undefined || nodes.has(name)) continue;
    if (name.length > MAX_NAME) unknownForm(line);
    count.take(1);
    // Copies, so that a node's values don't keep the whole answer in memory.
    nodes.set(ownText(name), parseNode(name, ownText(line.slice(0, MAX_ROW)), readers));
  }
  return [...nodes.values()];
}

/** A line of a node or partition is long, and costs as much as this many others; one that is longer still, more. */
const LONG_LINE = 10;
const CHARACTERS_A_COST = 100;

function costOf(line: string): number {
  return LONG_LINE + line.length / CHARACTERS_A_COST;
}

/** One partition on each line, as `scontrol --oneliner show partition` prints them. Throws UnreadableAnswer. */
export function parsePartitions(output: string): readonly ClusterPartition[] {
  return atOnce(readPartitions(output));
}

/** `parsePartitions`, yielding to the event loop. */
export function* readPartitions(output: string): Reading<readonly ClusterPartition[]> {
  const pace = new Pace();
  const count = new Budget(MAX_PARTITIONS, 'partitions');
  const partitions = new Map<string, ClusterPartition>();
  for (const line of linesOf(output)) {
    if (pace.isDue(costOf(line))) yield;
    const name = /^PartitionName=(\S+)/.exec(line)?.[1];
    if (name === undefined || partitions.has(name)) continue;
    count.take(1);
    if (name.length > MAX_NAME) throw new UnreadableAnswer(`a partition is called ${bounded(name, MAX_NAME)}`);
    const row = ownText(line.slice(0, MAX_ROW));
    const ownName = ownText(name);
    partitions.set(ownName, {
      name: ownName,
      isDefault: field(row, 'Default') === 'YES',
      state: bounded(ownText(field(row, 'State') ?? 'UNKNOWN'), MAX_NAME),
      timeLimitSeconds: durationSeconds(field(row, 'MaxTime') ?? ''),
    });
  }
  return [...partitions.values()];
}

/**
 * The partitions or features of nodes: most nodes of an answer share the same list. It is kept once, and counted for
 * each of them, because it is looked through for each.
 */
function listReader(what: string): (text: string) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  const count = new Budget(MAX_MEMBERSHIPS, what);
  return (text) => {
    let names = known.get(text);
    if (names === undefined) {
      names = [...new Set(text.split(',').filter(Boolean))];
      known.set(text, names);
    }
    count.take(names.length);
    return names;
  };
}

/** Reads values that repeat from node to node; new for each answer. */
interface Readers {
  readonly state: ReturnType<typeof stateReader>;
  readonly gres: ReturnType<typeof gresReader>;
  readonly partitions: ReturnType<typeof listReader>;
  readonly features: ReturnType<typeof listReader>;
  readonly openPartitions: ReadonlySet<string>;
}

function parseNode(name: string, line: string, readers: Readers): ClusterNode {
  const { identity, memory, state, tres, notes } = partsOf(line);
  const { meaning, ...standing } = readers.state(stateOf(line, state));
  const { isUsable } = standing;
  const partitions = readers.partitions(field(state, 'Partitions') ?? '');

  // Cores and memory reserved for the system are shown only if there are any (cores from 22.05).
  const cpuTotal = numberOf(identity, 'CPUTot', MAX_NODE_COUNT) ?? unknownForm(line);
  const systemCpus = cpuTotal - (numberOf(identity, 'CPUEfctv', MAX_NODE_COUNT) ?? cpuTotal);
  const cpus = count(cpuTotal, numberOf(identity, 'CPUAlloc', MAX_NODE_COUNT) ?? 0, systemCpus, isUsable);
  const memoryTotal = numberOf(memory, 'RealMemory', MAX_NODE_MEMORY_MB) ?? unknownForm(line);
  const systemMemory = numberOf(memory, 'MemSpecLimit', MAX_NODE_MEMORY_MB) ?? 0;
  const memoryMb = count(memoryTotal, numberOf(memory, 'AllocMem', MAX_NODE_MEMORY_MB) ?? 0, systemMemory, isUsable);

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
    features: readers.features(
      ['AvailableFeatures', 'ActiveFeatures'].map((key) => featuresOf(identity, key)).join(','),
    ),
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
 * A node's line in pieces that exclude free text. Slurm prints its keys in a fixed order (src/api/node_info.c), with
 * the texts last: Reason, Comment and Extra. Only OS, the output of `uname`, comes before keys that are read; so those
 * begin at two adjacent keys.
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
  throw new UnreadableAnswer(
    `scontrol shows a node in a form that is not known: ${JSON.stringify(bounded(line, 200))}`,
  );
}

/** Free texts besides the reason. */
const OTHER_NOTES = [' Comment=', ' Extra=', ' InstanceId=', ' InstanceType=', ' ReservationName='];

/**
 * Only a Reason= before any other text is Slurm's own, and it ends where the next text begins: a reason that contains
 * such a key is cut there, so that a comment can't extend it. Its author follows it, if there is one.
 */
function reasonOf(notes: string): string | null {
  const start = notes.indexOf(REASON);
  const ends = OTHER_NOTES.map((key) => notes.indexOf(key)).filter((index) => index !== -1);
  const text = start === -1 ? '' : notes.slice(start + REASON.length, Math.min(notes.length, ...ends));
  return textValue(text.slice(0, authorStart(text)).trim());
}

const REASON = ' Reason=';

/** The position of ` [root@2026-11-24T04:23:27]`; the end of the text if there is none. */
function authorStart(text: string): number {
  const word = / \[([^\s\]]*)(.?)/gs;
  for (const { index, 1: name = '', 2: end } of text.matchAll(word)) {
    if (end === ']' && /^.+@./s.test(name)) return index;
  }
  return text.length;
}

function featuresOf(piece: string, key: string): string {
  const text = field(piece, key) ?? '';
  return text === '(null)' ? '' : text;
}

/** `system`: the part that no job gets. */
function count(total: number, allocated: number, system: number, isUsable: boolean): ResourceCount {
  // More may be in use than a node has now.
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

function stateOf(line: string, piece: string): string {
  const state = field(piece, 'State') ?? '';
  return state.length > MAX_TEXT ? unknownForm(line) : state;
}

function numberOf(piece: string, key: string, most: number): number | null {
  return numberValue(field(piece, key) ?? '', most, key);
}
