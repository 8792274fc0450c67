import { type LocalSlurm, type LocalSlurmOptions, startLocalSlurm } from '@slurmql/local-slurm';
import { inject } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The release of Slurm that these tests are run on; undefined: that of the machine's own packages. */
    release: string | undefined;
  }
}

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
