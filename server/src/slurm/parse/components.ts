import { type JobComponent, wholeOf } from '../../domain/component.ts';
import type { JobObservation } from '../../domain/observation.ts';
import { MAX_COMPONENTS } from './limits.ts';
import type { Pace, Reading } from './turns.ts';

/** `9+1`: the component with offset 1 of the heterogeneous job 9; null for any other id. */
export function componentId(id: string): { readonly leader: string; readonly offset: number } | null {
  const match = /^(\d{1,10})\+(\d{1,4})$/.exec(id);
  if (match === null || Number(match[2]) >= MAX_COMPONENTS) return null;
  return { leader: match[1] ?? '', offset: Number(match[2]) };
}

/**
 * One observation for each job: the rows of the components of a heterogeneous job are joined under the leader's number,
 * at the position of the first.
 */
export function* joinComponents(rows: readonly JobObservation[], pace: Pace): Reading<readonly JobObservation[]> {
  if (!(yield* hasComponents(rows, pace))) return rows;
  const joined = new Map<string, JobObservation>();
  const components = new Map<string, JobComponent[]>();
  for (const row of rows) {
    if (pace.isDue(1)) yield;
    const part = componentId(row.slurmJobId);
    const key = `${part?.leader ?? row.slurmJobId} ${row.ownerId ?? row.directoryJobId}`;
    joined.set(key, joined.get(key) ?? row);
    if (part === null) continue;
    const parts = components.get(key) ?? [];
    components.set(key, parts);
    parts.push(toComponent(row, part.offset));
  }
  const jobs: JobObservation[] = [];
  for (const [key, first] of joined) {
    const parts = components.get(key)?.sort((left, right) => left.offset - right.offset);
    const leader = componentId(first.slurmJobId)?.leader;
    const isSingle = parts === undefined || leader === undefined;
    jobs.push(isSingle ? first : { ...first, ...wholeOf(parts), slurmJobId: leader, components: parts });
    if (pace.isDue(1)) yield;
  }
  return jobs;
}

function* hasComponents(rows: readonly JobObservation[], pace: Pace): Reading<boolean> {
  for (const { slurmJobId } of rows) {
    if (slurmJobId.includes('+')) return true;
    if (pace.isDue(1)) yield;
  }
  return false;
}

function toComponent(row: JobObservation, offset: number): JobComponent {
  const { state, word, reason, exitCode, signal, attempt, startedAt, endedAt, estimatedStartAt } = row;
  const { nodeList, partition, allocated } = row;
  return {
    ...{ offset, state, word, reason, exitCode, signal, attempt },
    ...{ startedAt, endedAt, estimatedStartAt, nodeList, partition, allocated },
  };
}
