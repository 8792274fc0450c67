import type { JobState } from '../domain/job-state.ts';

/**
 * Slurm's words for a job's state, as its commands print them (src/common/slurm_protocol_defs.c, job_state_string),
 * to ours. The text output shows one word; flags such as COMPLETING hide the base state.
 */
const STATES: ReadonlyMap<string, JobState> = new Map<string, JobState>(
  Object.entries({
    PENDING: 'PENDING',
    REQUEUED: 'PENDING',
    REQUEUE_FED: 'PENDING',
    EXPEDITING: 'PENDING',
    REQUEUE_HOLD: 'HELD',
    RESV_DEL_HOLD: 'HELD',
    SPECIAL_EXIT: 'HELD',
    CONFIGURING: 'CONFIGURING',
    POWER_UP_NODE: 'CONFIGURING',
    RUNNING: 'RUNNING',
    RESIZING: 'RUNNING',
    SIGNALING: 'RUNNING',
    SUSPENDED: 'SUSPENDED',
    STOPPED: 'SUSPENDED',
    COMPLETING: 'COMPLETING',
    STAGE_OUT: 'COMPLETING',
    COMPLETED: 'COMPLETED',
    FAILED: 'FAILED',
    TIMEOUT: 'TIMEOUT',
    CANCELLED: 'CANCELLED',
    OUT_OF_MEMORY: 'OUT_OF_MEMORY',
    DEADLINE: 'DEADLINE',
    PREEMPTED: 'PREEMPTED',
    NODE_FAIL: 'NODE_FAIL',
    BOOT_FAIL: 'BOOT_FAIL',
    REVOKED: 'REVOKED',
  } as const),
);

/**
 * Some are Slurm's own free words (src/slurmctld/job_mgr.c), with blanks or, in later releases, underscores between
 * them: "job requeued in held state", "launch failed requeued held", "user env retrieval failed requeued held".
 */
const HELD_REASON =
  /^JobHeld(?:User|Admin)$|^JobHoldMaxRequeue$|[ _]requeued[ _](?:held|in[ _](?:held|special[ _]exit)[ _]state)$/;

/** Null for an unknown word. Accepts sacct's `CANCELLED by 1000`, too. */
export function jobState(word: string, reason: string | null): JobState | null {
  const state = STATES.get(/^[^ ]*/.exec(word)?.[0] ?? '') ?? null;
  const isHeld = reason !== null && HELD_REASON.test(reason);
  return state === 'PENDING' && isHeld ? 'HELD' : state;
}
