import { z } from 'zod';
import type { JobAllocation } from '../domain/allocation.ts';
import { readJson } from './json.ts';

const number = z.number().nullable();

export const allocationSchema: z.ZodType<JobAllocation> = z.object({
  cpus: number,
  memoryMb: number,
  gpus: z.array(z.object({ gpuType: z.string(), count: z.number() })).nullable(),
  timeLimitSeconds: number,
});

export function toAllocation(json: string | null): JobAllocation | null {
  return json === null ? null : readJson(json, allocationSchema);
}

export function fromAllocation(allocation: JobAllocation | null): string | null {
  return allocation === null ? null : JSON.stringify(allocation);
}
