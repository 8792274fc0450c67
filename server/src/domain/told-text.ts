import type { JobAllocation } from './allocation.ts';
import type { JobComponent } from './component.ts';
import type { Job } from './job.ts';
import { bounded } from './text.ts';

/** What a cluster says of a job in texts, of any length within the limits of an answer. */
export type Told = Pick<Job, 'nodeList' | 'reason' | 'partition' | 'components' | 'allocated'>;

/** Of a list of nodes that is cut for want of room, as that of an attempt that is over. In UTF-16 units, as all of these. */
const SHORT_NODE_LIST = 1000;
/** Of a reason and of partitions. Slurm's own are far shorter. */
const SHORT_TEXT = 200;
/** Of each text of a component, however many a job has: enough to say how much was cut. */
const SHORT_PART = 40;
/** Types of GPUs of a job or component that are kept then; the rest are counted together. */
const SHORT_TYPES = 4;
/** No job has more of a kind, so that the components of a job stay within 32 bits (MAX_JOB_COUNT in slurm/parse/limits.ts). */
const MOST_DEVICES = 16_000_000;
/** A type of GPUs in memory, besides its name, as if it were text. */
const A_TYPE = 64;

/** How much text it is, in UTF-16 units; a type of GPUs counts more than its name. */
export function toldText({ nodeList, reason, partition, components, allocated }: Told): number {
  return components.reduce(
    (sum, part) => sum + lengthOf(part.word) + textOf(part),
    textOf({ nodeList, reason, partition, allocated }),
  );
}

function textOf({ nodeList, reason, partition, allocated }: Omit<Told, 'components'>): number {
  const own = lengthOf(nodeList) + lengthOf(reason) + lengthOf(partition);
  return (allocated?.gpus ?? []).reduce((sum, { gpuType }) => sum + A_TYPE + gpuType.length, own);
}

function lengthOf(text: string | null): number {
  return text?.length ?? 0;
}

/** A job with its texts cut to the least that tells something, each of which says so; the very same if none is longer. */
export function withShortTexts<T extends Told>(job: T): T {
  const { nodeList, reason, partition, components, allocated } = job;
  const short: Told = {
    nodeList: cut(nodeList, SHORT_NODE_LIST),
    reason: cut(reason, SHORT_TEXT),
    partition: cut(partition, SHORT_TEXT),
    components: components.map((part) => withShortParts(part, Math.floor(SHORT_NODE_LIST / components.length))),
    allocated: withFewTypes(allocated),
  };
  const isSame = (Object.keys(short) as (keyof Told)[]).every((key) =>
    key === 'components' ? components.every((part, at) => part === short.components[at]) : short[key] === job[key],
  );
  return isSame ? job : { ...job, ...short };
}

function withShortParts(component: JobComponent, share: number): JobComponent {
  const most = Math.max(SHORT_PART, Math.min(SHORT_TEXT, share));
  const short = {
    word: cut(component.word, most),
    reason: cut(component.reason, most),
    nodeList: cut(component.nodeList, most),
    partition: cut(component.partition, most),
    allocated: withFewTypes(component.allocated),
  };
  const isSame = (Object.keys(short) as (keyof typeof short)[]).every((key) => short[key] === component[key]);
  return isSame ? component : { ...component, ...short };
}

function cut(text: string | null, most: number): string | null {
  return text === null ? null : bounded(text, most);
}

function withFewTypes(allocated: JobAllocation | null): JobAllocation | null {
  const gpus = allocated?.gpus ?? [];
  const isShort = gpus.length <= SHORT_TYPES + 1 && gpus.every(({ gpuType }) => gpuType.length <= SHORT_PART);
  if (allocated === null || isShort) return allocated;
  const few = gpus
    .slice(0, SHORT_TYPES)
    .map(({ gpuType, count }) => ({ gpuType: bounded(gpuType, SHORT_PART), count }));
  const others = gpus.slice(SHORT_TYPES);
  const count = Math.min(
    MOST_DEVICES,
    others.reduce((sum, one) => sum + one.count, 0),
  );
  const rest =
    others.length === 0 ? [] : [{ gpuType: `… (${others.length.toLocaleString('en-US')} types cut)`, count }];
  return { ...allocated, gpus: [...few, ...rest] };
}
