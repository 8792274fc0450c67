import type { LocalCluster } from './state.ts';

/** Keys of a cluster in clusters.yaml. */
export type YamlSettings = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** The text of a clusters.yaml that reaches these clusters; `extra` adds to the keys of each, or replaces them. */
export function clustersYaml(clusters: readonly LocalCluster[], extra: YamlSettings = {}): string {
  const blocks = clusters.map((cluster) => {
    const settings: YamlSettings = {
      host: cluster.host,
      port: cluster.port,
      user: cluster.user,
      identity_file: cluster.identityFile,
      known_hosts: cluster.knownHosts,
      ...extra,
    };
    // JSON is YAML, and needs no rules for quoting.
    const lines = Object.entries(settings).map(([key, value]) => `    ${key}: ${JSON.stringify(value)}\n`);
    return `  ${cluster.name}:\n${lines.join('')}`;
  });
  return `clusters:\n${blocks.join('')}`;
}
