import type { SshEnvironment, SshSettings } from '../settings.ts';
import { loadConfig } from './config-file.ts';
import { parseJumps } from './destination.ts';
import { refused } from './failure.ts';
import { type Hop, resolveHop } from './hop.ts';

const SYSTEM_CONFIG = '/etc/ssh/ssh_config';
const MOST_HOPS = 8;

/**
 * Determines the way to a cluster, from its settings and the user's and the machine's OpenSSH configuration.
 *
 * @returns the hops in the order of connecting, the cluster last
 * @throws DialFailure refused, if the configuration can't be read, isn't supported, or has a cycle
 */
export async function resolveRoute(settings: SshSettings, environment: SshEnvironment): Promise<readonly Hop[]> {
  const { host, user, port, proxyJump } = settings;
  const files = [
    await loadConfig(environment.configFile, environment.homeDirectory),
    await loadConfig(SYSTEM_CONFIG, environment.homeDirectory),
  ];
  const cluster = resolveHop({ host, user, port }, 'cluster', settings, environment, files);

  const route = [cluster];
  const jumps = [...(proxyJump === undefined ? cluster.jumps() : parseJumps(proxyJump, 'proxy_jump'))];
  for (let jump = jumps.pop(); jump !== undefined; jump = jumps.pop()) {
    const hop = resolveHop(jump, 'jump host', settings, environment, files);
    if (route.length === MOST_HOPS || route.some(({ label }) => label === hop.label)) {
      throw refused(`the jump hosts on the way to ${cluster.label} form a cycle at ${hop.label}: see ProxyJump`);
    }
    route.unshift(hop);
    // Only the first of a list follows its own ProxyJump: the others are reached from one another.
    if (jumps.length === 0) jumps.push(...hop.jumps());
  }
  return route;
}
