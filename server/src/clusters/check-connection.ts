import type { ClusterSettings } from '../domain/cluster.ts';
import type { CheckStep, CheckStepName } from '../domain/cluster-check.ts';
import type { ConnectionState, DialStage, DialStep } from '../ssh/index.ts';

const STAGES: readonly (readonly [DialStage, CheckStepName])[] = [
  ['settings', 'SETTINGS'],
  ['reach', 'REACH'],
  ['host-key', 'HOST_KEY'],
  ['login', 'LOGIN'],
];

const ADVICE: Readonly<Record<DialStage, string>> = {
  settings: 'Correct clusters.yaml, the OpenSSH configuration or the key that it names, then test again',
  reach: 'Check "host", "port" and "proxy_jump" in clusters.yaml, and the network from this machine: VPN, firewall',
  'host-key':
    'Never trust a key unseen: compare its fingerprint with the one that the administrators publish, then let OpenSSH ' +
    'remember it by logging in once with ssh',
  login:
    'Try "ssh" with the same user and key from this machine. Name the right key as "identity_file", or add it to the ' +
    'agent; the public half has to be in ~/.ssh/authorized_keys on the cluster',
};

const NOT_FOLLOWED =
  'If ssh reaches the cluster in another way because of it, describe that way in clusters.yaml ("host", "port", "user", ' +
  '"identity_file", "proxy_jump") or into a Host block of the OpenSSH configuration';

/**
 * The steps that an attempt to connect reported, and those that it didn't reach. `unanswered`: why nobody answered its
 * login prompt; null: there was none. Pure.
 */
export function connectionSteps(
  attempt: readonly DialStep[],
  state: ConnectionState,
  settings: ClusterSettings,
  unanswered: { readonly found: string; readonly advice: string } | null,
): readonly CheckStep[] {
  const failed = attempt.find(({ fault, seconds }) => fault !== null || seconds === null);
  let isOver = attempt.length === 0;
  return STAGES.map(([stage, name]): CheckStep => {
    const taken = attempt.filter((step) => step.stage === stage);
    if (isOver || taken.length === 0) {
      return { name, status: 'SKIPPED', found: 'Not reached', advice: null, seconds: null };
    }
    const seconds = taken.reduce((sum, step) => sum + (step.seconds ?? 0), 0);
    if (failed?.stage === stage) {
      isOver = true;
      if (unanswered !== null) return { name, status: 'FAILED', ...unanswered, seconds };
      const found = failed.fault ?? `No outcome yet${'message' in state ? `: ${state.message}` : ''}`;
      const help = stage === 'reach' && settings.help !== undefined ? `. ${settings.help.trim()}` : '';
      return { name, status: 'FAILED', found, advice: `${ADVICE[stage]}${help}`, seconds };
    }
    const [{ found: told = null } = {}] = taken;
    if (stage === 'settings' && told !== null) {
      return { name, status: 'WARNING', found: `They can be read, but ${told}`, advice: NOT_FOLLOWED, seconds };
    }
    return { name, status: 'OK', found: foundOf(stage, taken, state), advice: null, seconds };
  });
}

function foundOf(stage: DialStage, steps: readonly DialStep[], state: ConnectionState): string {
  // With jump hosts, each is named.
  const texts = steps.map(({ hop, found }) => (steps.length > 1 ? `${hop}: ${found ?? 'done'}` : (found ?? 'done')));
  if (stage === 'settings') return 'The configuration and the keys can be read';
  const known = stage === 'host-key' ? ', as known' : '';
  const since = stage === 'login' && state.status === 'online' ? `; connected since ${state.since.toISOString()}` : '';
  return `${texts.join('; ')}${known}${since}`;
}
