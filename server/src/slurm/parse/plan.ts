import { bounded, linesOf } from '../../domain/text.ts';
import type { ClusterClock } from './clock.ts';
import { MAX_ATTEMPT_NODES } from './limits.ts';
import { MAX_READ } from './messages.ts';

/** Where and when Slurm would start a job, as `sbatch --test-only` says it. */
export interface Plan {
  readonly startsAt: Date | null;
  readonly nodeList: string | null;
  /** Its other lines. */
  readonly others: string;
}

/**
 * src/sbatch/sbatch.c and src/api/allocate.c (slurm_job_will_run). Of a heterogeneous job it lacks the word "nodes"; 26.05
 * writes a letter after the time.
 */
const PLAN =
  /^(?:\S{0,200}sbatch: )?Job \d{1,10} to start at (\d{1,10})(?: [a-z]{1,10})? using \d{1,10} processors on (?:nodes )?(\S+)(?: in partition \S+)?$/;

/** Of output with times in seconds since 1970 by the cluster's clock. */
export function readPlan(output: string, clock: ClusterClock): Plan {
  const others: string[] = [];
  let plan: RegExpExecArray | null = null;
  for (const line of linesOf(output.slice(0, MAX_READ))) {
    const found = PLAN.exec(line.trimEnd());
    if (found === null) others.push(line);
    else plan = found;
  }
  const [, time = '0', nodes = null] = plan ?? [];
  return {
    startsAt: clock.instant(time),
    nodeList: nodes === null ? null : bounded(nodes, MAX_ATTEMPT_NODES),
    others: others.join('\n') + output.slice(MAX_READ),
  };
}
