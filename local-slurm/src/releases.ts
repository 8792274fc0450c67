import { run } from './run.ts';

/** A release of Slurm, and where it comes from. */
export interface Release {
  /** The suite of Debian that has it. */
  readonly suite: string;
  /** The package with MariaDB's daemon. Default: mariadb-server-core. */
  readonly database?: string;
}

/** The releases of Slurm that can be had beside the machine's own one. The next one is a line here. */
export const RELEASES: Readonly<Record<string, Release>> = {
  '20.11': { suite: 'bullseye', database: 'mariadb-server-core-10.5' },
  '22.05': { suite: 'bookworm' },
  '24.11': { suite: 'trixie' },
  '26.05': { suite: 'sid' },
};

/** Throws an Error that lists those that there are. */
export function releaseNamed(name: string): Release {
  const release = Object.hasOwn(RELEASES, name) ? RELEASES[name] : undefined;
  if (release === undefined) throw new Error(`No release ${name}; there are ${Object.keys(RELEASES).join(', ')}.`);
  return release;
}

/** The version of the Slurm that is installed here: "22.05.8". */
export async function installedVersion(): Promise<string> {
  return versionOf(await run('dpkg-query', ['-W', '-f', `\${Version}`, 'slurmctld']));
}

/** Slurm's version by that of Debian's package: "20.11.7+really20.11.4-2" is 20.11.4. */
export function versionOf(packageVersion: string): string {
  return /^[\d.]+/.exec(packageVersion.replace(/^\d+:|^.*really/, ''))?.[0] ?? packageVersion;
}

/** cgroup.conf(5) for a machine whose cgroups are not to be touched: from 23.11 on slurmd does so unless it is told. */
export function cgroupConf(version: string): string {
  return Number.parseFloat(version) >= 23.11 ? 'CgroupPlugin=disabled\n' : '';
}
