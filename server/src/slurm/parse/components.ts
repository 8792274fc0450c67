import { type JobComponent, wholeOf } from '../../domain/component.ts';
import type { JobObservation } from '../../domain/observation.ts';
import { MAX_COMPONENTS } from './limits.ts';

/** `9+1`: the component with offset 1 of the heterogeneous job 9; null for whatever else stands for a job. */
export function componentId(id: string): { readonly leader: string; readonly offset: number } | null {
  const match = /^(\d{1,10})\+(\d{1,4})$/.exec(id);
  if (match === null || Number(match[2]) >= MAX_COMPONENTS) return null;
  return { leader: match[1] ?? '', offset: Number(match[2]) };
}

/**
 * One observation a job, where Slurm prints one row a component of a heterogeneous job: those are put together under
 * the leader's number, in the place of the first one.
 */
export function joinComponents(rows: readonly JobObservation[]): readonly JobObservation[] {
  if (!rows.some(({ slurmJobId }) => slurmJobId.includes('+'))) return rows;
  const joined = new Map<string, JobObservation>();
  const components = new Map<string, JobComponent[]>();
  for (const row of rows) {
    const part = componentId(row.slurmJobId);
    const key = `${part?.leader ?? row.slurmJobId} ${row.ownerId ?? row.folderId}`;
    joined.set(key, joined.get(key) ?? row);
    if (part === null) continue;
    const parts = components.get(key) ?? [];
    components.set(key, parts);
    parts.push(toComponent(row, part.offset));
  }
  return [...joined].map(([key, first]) => {
    const parts = components.get(key)?.sort((left, right) => left.offset - right.offset);
    const leader = componentId(first.slurmJobId)?.leader;
    return parts === undefined || leader === undefined
      ? first
      : { ...first, ...wholeOf(parts), slurmJobId: leader, components: parts };
  });
}

function toComponent(row: JobObservation, offset: number): JobComponent {
  const { state, word, reason, exitCode, signal, attempt, startedAt, endedAt, estimatedStartAt } = row;
  const { nodeList, partition, allocated } = row;
  return {
    ...{ offset, state, word, reason, exitCode, signal, attempt },
    ...{ startedAt, endedAt, estimatedStartAt, nodeList, partition, allocated },
  };
}
