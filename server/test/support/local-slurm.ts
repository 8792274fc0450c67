import { startLocalSlurm } from '@slurmql/local-slurm';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A clusters.yaml for the clusters `alpha` and `beta` that run for these tests. */
    clustersYaml: string;
  }
}

/** Two real clusters for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const slurm = await startLocalSlurm({ onProgress: (line) => process.stderr.write(`${line}\n`) });
  project.provide('clustersYaml', slurm.clustersYaml({ poll_interval_seconds: 1, gpu_cache_seconds: 5 }));
  return () => slurm.stop();
}
