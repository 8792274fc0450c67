import { fileURLToPath } from 'node:url';
import { DEFAULT_CLUSTERS, startLocalSlurm } from '@slurmql/local-slurm';
import { build } from 'rolldown';
import type { TestProject } from 'vitest/node';
import bundle from '../../rolldown.config.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A clusters.yaml for the clusters `alpha` and `beta` that run for these tests. */
    clustersYaml: string;
  }
}

const SERVER = fileURLToPath(new URL('../../', import.meta.url));

/** The server, built, and two real clusters for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // These tests start it some two hundred times. What is there stays: another run may be starting servers from it.
  await build({ ...bundle, output: { ...bundle.output, cleanDir: false }, cwd: SERVER });
  process.env['SLURMQL_TEST_MAIN'] = `${SERVER}dist/main.js`;
  const { release } = project.getProvidedContext();
  const onProgress = (line: string) => process.stderr.write(`${line}\n`);
  const options = { clusters: DEFAULT_CLUSTERS, onProgress };
  const slurm = await startLocalSlurm(release === undefined ? options : { ...options, release });
  project.provide('clustersYaml', slurm.clustersYaml({ poll_interval_seconds: 1, gpu_cache_seconds: 5 }));
  return () => slurm.stop();
}
