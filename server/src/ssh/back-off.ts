const FIRST_MS = 5_000;
const LONGEST_MS = 10 * 60_000;
const LONGEST_REFUSED_MS = 60 * 60_000;
const JITTER = 0.2;

/**
 * How long to wait, in milliseconds, after `failures` attempts in a row have failed (1 or more): 5 s, doubled by each
 * further failure up to 10 minutes, ±20 % so that servers that lost the same cluster don't return in step.
 *
 * @param random from 0 up to 1, as `Math.random` gives it
 */
export function backOffMs(failures: number, random: number): number {
  return jittered(Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS), random);
}

/** The same after `refusals` of a login that worked before: `firstMs`, doubled by each further one up to an hour. */
export function refusedBackOffMs(firstMs: number, refusals: number, random: number): number {
  return jittered(Math.min(firstMs * 2 ** (refusals - 1), LONGEST_REFUSED_MS), random);
}

function jittered(base: number, random: number): number {
  return Math.round(base * (1 - JITTER + 2 * JITTER * random));
}
