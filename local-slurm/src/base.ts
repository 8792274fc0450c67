import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CLOCK_PACKAGE } from './clock.ts';
import { PACKAGES } from './instance.ts';
import { ensurePackages } from './packages.ts';
import { PAM_PACKAGES } from './pam.ts';
import { releaseNamed } from './releases.ts';
import { CommandError, lastLines, run } from './run.ts';

const SCRIPT = fileURLToPath(new URL('build-base.sh', import.meta.url));
const DEADLINE_MS = 20 * 60_000;

/** What a login node has besides: other shells, what people and their jobs call, and what some instances are to have. */
const EXTRA_PACKAGES = [
  'openssh-client',
  'procps',
  'python3-minimal',
  'git',
  'zsh',
  'tcsh',
  CLOCK_PACKAGE,
  ...PAM_PACKAGES,
];

export interface BaseOptions {
  /** Where base systems are kept. */
  readonly cacheDirectory: string;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * A Debian system with this release of Slurm in it, unpacked: gives its directory, which nobody may change. It is made
 * once, whole or not at all, however many ask for it at once. Needs root.
 */
export async function prepareBase(name: string, options: BaseOptions): Promise<string> {
  const { suite, database = 'mariadb-server-core' } = releaseNamed(name);
  const packages = [...PACKAGES.filter((one) => !one.startsWith('mariadb')), database, ...EXTRA_PACKAGES];
  const base = join(options.cacheDirectory, `${name}-${await stamp([name, suite, ...packages])}`);
  if (!existsSync(base)) {
    await ensurePackages(['debootstrap'], options);
    options.onProgress(`unpacking Debian ${suite} for Slurm ${name} into ${base}`);
    await mkdir(options.cacheDirectory, { recursive: true, mode: 0o755 });
    const build = ['sh', SCRIPT, base, name, suite, await mirror(), ...packages];
    // The lock is held until the last process of it has ended, and they all end with this one.
    const locked = ['flock', '--no-fork', join(options.cacheDirectory, `${name}.lock`), ...NAMESPACES, ...build];
    await run('setpriv', ['--pdeathsig', 'KILL', '--', ...locked], {
      timeoutMs: DEADLINE_MS,
      signal: options.signal,
    }).catch((error: unknown) => {
      options.signal.throwIfAborted();
      if (!(error instanceof CommandError)) throw error;
      const said = lastLines(error.stderr || error.stdout, 8);
      throw new Error(`Debian ${suite} with Slurm ${name} couldn't be unpacked:\n${said || error.message}`);
    });
  }
  // What nobody uses for a month makes way for the next.
  const now = new Date();
  await utimes(base, now, now);
  return base;
}

/** Mounts, processes and a host name of its own. Killing this program kills all that it has started. */
export const NAMESPACES = [
  ...['unshare', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc'],
] as const;

/** Another recipe makes another base system. */
async function stamp(inputs: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(await readFile(SCRIPT));
  return hash
    .update(JSON.stringify([process.arch, ...inputs]))
    .digest('hex')
    .slice(0, 8);
}

/** Where this machine's own packages of Debian come from; "" where none do, then debootstrap knows a place. */
async function mirror(): Promise<string> {
  const targets = await run('apt-get', ['indextargets', '--format', '$(ORIGIN)|$(RELEASE)|$(REPO_URI)']).catch(
    (error: unknown) => {
      if (error instanceof CommandError) return '';
      throw error;
    },
  );
  return mirrorOf(targets);
}

/** Of lines `origin|release|address`, the address of Debian itself: not of its security updates, nor of others' packages. */
export function mirrorOf(targets: string): string {
  for (const line of targets.split('\n')) {
    const [origin, release = '', address = ''] = line.split('|');
    const isDebian = origin === 'Debian' || /\/debian\/?$/.test(address);
    if (isDebian && /^https?:/.test(address) && !release.includes('-')) return address;
  }
  return '';
}
