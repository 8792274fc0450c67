import { NO_RESOURCES, NO_SUBMISSION } from '../domain/testing.ts';
import type { SubmitJob } from './launch-request.ts';

/** A job as a client asks for it. */
export function asked(command: string, parts: Partial<SubmitJob> = {}): SubmitJob {
  return {
    ...NO_SUBMISSION,
    ...{ idempotencyKey: null, waitSeconds: 0, projectId: 'P', project: null, cluster: 'alpha', name: null },
    ...{ description: null, tags: [], basedOnJobId: null, includeUncommitted: false, resources: NO_RESOURCES },
    command,
    ...parts,
  };
}
