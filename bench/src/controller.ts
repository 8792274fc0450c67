import type { LocalSlurm } from '@slurmql/local-slurm';

/** How many requests the controller of `alpha` has had from a user since the counts began. */
export async function requestsOf(slurm: LocalSlurm, user: string): Promise<number> {
  const said = await slurm.run('alpha', 'sdiag', []);
  const ofUser = new RegExp(`^\\s*${user}\\s*\\(\\s*\\d+\\)\\s*count:(\\d+)`, 'm').exec(said.split('by user')[1] ?? '');
  return Number(ofUser?.[1] ?? 0);
}

/** Begins the counts anew. */
export async function resetRequests(slurm: LocalSlurm): Promise<void> {
  await slurm.run('alpha', 'sdiag', ['--reset']);
}
