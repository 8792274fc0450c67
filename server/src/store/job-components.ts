import { z } from 'zod';
import type { ComponentRequest, JobComponent } from '../domain/component.ts';
import { JOB_STATES } from '../domain/job-state.ts';
import { toInstant } from './instants.ts';
import { allocationSchema } from './job-allocations.ts';
import { readJson } from './json.ts';

const instant = z.number().nullable().transform(toInstant);

const componentsSchema = z.array(
  z.object({
    offset: z.number(),
    state: z.enum(JOB_STATES).nullable(),
    word: z.string().nullable(),
    reason: z.string().nullable(),
    exitCode: z.number().nullable(),
    signal: z.number().nullable(),
    attempt: z.number().nullable(),
    startedAt: instant,
    endedAt: instant,
    estimatedStartAt: instant,
    nodeList: z.string().nullable(),
    partition: z.string().nullable(),
    // Components that were stored before the field existed have none.
    allocated: allocationSchema.nullable().default(null),
  }),
);

const number = z.number().nullable();
/** Fields that components got later. */
const laterNumber = number.default(null);

/** The components as stored with a submission. */
export const componentRequestsSchema: z.ZodType<ComponentRequest[]> = z.array(
  z.object({
    partition: z.string().nullable(),
    resources: z.object({
      nodes: number,
      maxNodes: laterNumber,
      tasks: number,
      cpusPerTask: number,
      memoryMb: number,
      gpus: number,
      gpusTotal: laterNumber,
      gpusPerTask: laterNumber,
      gpuType: z.string().nullable(),
    }),
    extraOptions: z.array(z.string()),
  }),
);

const NONE: readonly JobComponent[] = [];

export function toComponents(json: string | null): readonly JobComponent[] {
  return json === null ? NONE : (readJson(json, componentsSchema) ?? NONE);
}

/** Null for an ordinary job. */
export function fromComponents(components: readonly JobComponent[]): string | null {
  if (components.length === 0) return null;
  return JSON.stringify(
    components.map((component) => ({
      ...component,
      startedAt: component.startedAt?.getTime() ?? null,
      endedAt: component.endedAt?.getTime() ?? null,
      estimatedStartAt: component.estimatedStartAt?.getTime() ?? null,
    })),
  );
}
