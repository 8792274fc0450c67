import type { LocalSlurm } from '@slurmql/local-slurm';
import { expect } from 'vitest';
import type { ClusterLogin } from './cluster-login.ts';
import type { Workbench } from './jobs.ts';

/** A job of which each run leaves a line on the cluster: what ran, and how often, is read there. */
export class Payload {
  readonly name: string;
  /** What `submitJob` takes. The key is the payload's name: sent again it is the same request. */
  readonly input: Readonly<Record<string, unknown>>;

  constructor(name: string, { then = 'exit 3', input = {} }: { then?: string; input?: Record<string, unknown> } = {}) {
    this.name = name;
    this.input = {
      name,
      idempotencyKey: name,
      command: `echo "$SLURM_JOB_ID" >>"$HOME/runs.${name}"; ${then}`,
      ...input,
    };
  }

  /** The Slurm jobs that ran it, one for each run. */
  async runs(login: ClusterLogin): Promise<string[]> {
    return (await login.run(`cat "$HOME/runs.${this.name}" 2>/dev/null || :`)).split('\n').filter(Boolean);
  }

  get #cluster(): string {
    return String(this.input['cluster'] ?? 'alpha');
  }

  /** Waits for its end, then holds that one payload ran and one row exists, which tells what happened. */
  async ranOnce(bench: Workbench, login: ClusterLogin, slurm: LocalSlurm): Promise<void> {
    const { jobs } = await bench.server.query<{ jobs: { nodes: { id: string }[] } }>(
      'query ($name: String!) { jobs(filter: { search: $name }) { nodes { id } } }',
      { name: this.name },
    );
    expect(jobs.nodes).toHaveLength(1);
    const job = await bench.ended(jobs.nodes[0]?.id ?? '');
    expect(job).toMatchObject({ state: 'FAILED', exitCode: 3, signal: null });
    // No other job waits for its turn to run it again.
    const queued = await slurm.run(this.#cluster, 'squeue', ['--noheader', '--states=all', '--format=%i %j']);
    const ours = queued.split('\n').flatMap((line) => {
      const [id, name] = line.trim().split(' ');
      return name === this.name ? [id] : [];
    });
    expect({ rows: [job.slurmJobId], runs: await this.runs(login) }).toEqual({ rows: ours, runs: ours });
  }
}
