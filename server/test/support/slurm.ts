import { type LocalSlurm, type LocalSlurmOptions, startLocalSlurm } from '@slurmql/local-slurm';
import { inject } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The release of Slurm that these tests are run on; undefined: that of the machine's own packages. */
    release: string | undefined;
  }
}

/** A cluster, but for its name, that starts soon: one node, and no accounting. */
export const SMALL = {
  nodes: [{ name: 'n1', cpus: 64, memoryMb: 512_000 }],
  partitions: [{ name: 'main', nodes: ['n1'] }],
  accounting: false,
} as const;

/** Clusters of a file's own, of the release that it is run on. */
export function startSlurm(
  options: LocalSlurmOptions & Required<Pick<LocalSlurmOptions, 'clusters'>>,
): Promise<LocalSlurm> {
  const release = inject('release');
  return startLocalSlurm(release === undefined ? options : { ...options, release });
}

/** Whether the Slurm that these tests are run on is this release or a later one. The machine's own has all that is asked for. */
export function isSince(release: string): boolean {
  return (inject('release') ?? release) >= release;
}
