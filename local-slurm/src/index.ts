export { type Account, createAccount, removeAccount } from './account.ts';
export type { YamlSettings } from './clusters-yaml.ts';
export { createKey } from './keys.ts';
export {
  DEFAULT_CLUSTERS,
  type LocalClusterOptions,
  type LocalGpus,
  type LocalNode,
  type LocalPartition,
  RELEASE_CLUSTERS,
} from './layout.ts';
export { type LocalSlurm, type LocalSlurmOptions, startLocalSlurm } from './local-slurm.ts';
export { type EnsurePackagesOptions, ensurePackages } from './packages.ts';
export { oneTimeCode } from './pam.ts';
export { descendants } from './processes.ts';
export { RELEASES, type Release } from './releases.ts';
export { type Sshd, type SshdOptions, startSshd } from './sshd.ts';
export type { LocalCluster } from './state.ts';
