import type { ClusterNode } from '../../domain/inventory.ts';

/** Suffixes of a state (man sinfo, NODE STATE CODES), as the words of later versions. */
const MARKS: ReadonlyMap<string, string> = new Map([
  ['*', 'NOT_RESPONDING'],
  ['~', 'POWERED_DOWN'],
  ['#', 'POWERING_UP'],
  ['!', 'POWER_DOWN'],
  ['%', 'POWERING_DOWN'],
  ['$', 'MAINTENANCE'],
  ['@', 'REBOOT_REQUESTED'],
  ['^', 'REBOOT_ISSUED'],
  ['-', 'PLANNED'],
]);
/** Other names of three words: POWER is that of 20.11. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['POWER', 'POWERED_DOWN'],
  ['POWER_UP', 'POWERING_UP'],
  ['MAINT', 'MAINTENANCE'],
]);

/**
 * Words that mean that a node takes no job now, and the text of each if Slurm gives no reason; the most telling first.
 * POWER_DOWN isn't among them: such a node goes down once it is idle, and gets jobs until then.
 */
const UNUSABLE: ReadonlyMap<string, string> = new Map([
  ['FUTURE', 'Configured, and not there yet'],
  ['MAINTENANCE', 'Held by a reservation for maintenance'],
  ['RESERVED', 'Held by a reservation'],
  ['BLOCKED', 'Blocked by a job that has its part of the network to itself'],
  ['INVAL', 'Registered with less than it is configured for'],
  ['INVALID_REG', 'Registered with less than it is configured for'],
  ['REBOOT', 'Waits for a reboot'],
  ['REBOOT_REQUESTED', 'Waits for a reboot'],
  ['REBOOT_ISSUED', 'Is being rebooted'],
  ['POWERING_DOWN', 'Is being powered down'],
  ['DRAIN', 'Drained: running jobs end, no new ones start'],
  ['DRAINING', 'Drained: running jobs end, no new ones start'],
  ['DRAINED', 'Drained: no new jobs start'],
  ['FAIL', 'Expected to fail: no new jobs start'],
  ['FAILING', 'Expected to fail: no new jobs start'],
  ['NOT_RESPONDING', 'Does not respond'],
  ['DOWN', 'Down'],
  ['ERROR', 'In an error that Slurm does not explain'],
  ['UNKNOWN', 'Not heard of since the controller started'],
]);

export interface NodeState
  extends Pick<ClusterNode, 'stateWords' | 'isUsable' | 'isPlanned' | 'isPoweredDown' | 'isPoweringUp'> {
  /** Why it takes no jobs, if Slurm gives no reason; null: it takes jobs. */
  readonly meaning: string | null;
}

/** Reads the states of one answer's nodes, of which few differ. */
export function stateReader(): (state: string) => NodeState {
  const known = new Map<string, NodeState>();
  return (text) => {
    let state = known.get(text);
    if (state === undefined) {
      state = nodeState(text);
      known.set(text, state);
    }
    return state;
  };
}

function nodeState(text: string): NodeState {
  const words = wordsOf(text);
  const meaning = meaningOf(words);
  return {
    stateWords: words,
    isUsable: meaning === null,
    isPlanned: words.includes('PLANNED'),
    isPoweredDown: words.includes('POWERED_DOWN'),
    isPoweringUp: words.includes('POWERING_UP'),
    meaning,
  };
}

/** `DOWN*+DRAIN`, `IDLE+CLOUD+POWER` and `MIXED+DRAIN+NOT_RESPONDING` as words, each once. */
function wordsOf(state: string): readonly string[] {
  const words = state.split('+').flatMap((word) => {
    let end = word.length;
    while (MARKS.has(word.charAt(end - 1))) end -= 1;
    const [bare, marks] = [word.slice(0, end), word.slice(end)];
    return [SYNONYMS.get(bare) ?? bare, ...Array.from(marks, (mark) => MARKS.get(mark) ?? mark)];
  });
  return [...new Set(words)].filter(Boolean);
}

function meaningOf(words: readonly string[]): string | null {
  if (words.length === 0) return 'Slurm reports no state of it';
  // A node that is off or starting can't respond, but still gets jobs, which wait for it.
  const isSilent = words.includes('POWERED_DOWN') || words.includes('POWERING_UP');
  for (const [word, meaning] of UNUSABLE) {
    if (words.includes(word) && !(isSilent && word === 'NOT_RESPONDING')) return meaning;
  }
  return null;
}
