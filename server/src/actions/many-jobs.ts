import type { Job } from '../domain/job.ts';
import { type Outcome, refuse } from '../domain/refusal.ts';

export const MAX_IDS = 1000;
export const NOT_THERE = 'There is no such job';

/**
 * An outcome for each id, in their order; equal ids have the same one. A refusal names the place of its id in the
 * request. A list that is too long is one refusal of the whole, and nothing is done.
 */
export async function forEachJob(
  ids: readonly string[],
  act: (unique: ReadonlySet<string>) => Promise<ReadonlyMap<string, Outcome<Job>>>,
): Promise<readonly Outcome<Job>[]> {
  if (ids.length > MAX_IDS) {
    return [refuse('INVALID_INPUT', 'ids', `There are ${ids.length} ids: name ${MAX_IDS} at most in one request`)];
  }
  const outcomes = await act(new Set(ids));
  return ids.map((id, index) => {
    const outcome = outcomes.get(id) ?? refuse('NOT_FOUND', 'ids', NOT_THERE);
    if (outcome.ok) return outcome;
    const path = ['input', 'ids', String(index)];
    return { ok: false, refusals: outcome.refusals.map((one) => ({ ...one, path })) };
  });
}
