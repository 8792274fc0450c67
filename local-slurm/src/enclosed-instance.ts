import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NAMESPACES, prepareBase } from './base.ts';
import { claimDirectory, removeAbandoned, removeDirectory } from './directory.ts';
import type { ControlledDaemon, InstanceOptions, StartedInstance } from './instance.ts';
import { type Keeper, launchKeeper } from './keeper-client.ts';
import { descendants, thisProcess } from './processes.ts';
import { writeState } from './state.ts';

export interface EnclosedInstanceOptions extends InstanceOptions {
  /** One of RELEASES. */
  readonly release: string;
  /** Where base systems are kept. */
  readonly cacheDirectory: string;
  /** Directories of the machine that have the same path inside. */
  readonly shared?: readonly string[];
}

const SCRIPT = fileURLToPath(new URL('enter-base.sh', import.meta.url));
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

/**
 * Clusters with another release of Slurm than the machine's own: a second keeper has them, in a system that is made for it
 * out of a base system. Mounts, processes, accounts and a host name are that system's own; the network and the
 * instance's directory, with the same path, are the machine's. One a process; needs root.
 */
export class EnclosedInstance {
  readonly #options: EnclosedInstanceOptions;
  readonly #stopping = new AbortController();
  #starting: Promise<unknown> | undefined;
  #directory: string | undefined;
  #keeper: Keeper | undefined;

  constructor(options: EnclosedInstanceOptions) {
    this.#options = options;
  }

  /** As Instance.start(). */
  async start(): Promise<StartedInstance> {
    const started = this.#start();
    this.#starting = started.catch(() => undefined);
    return started;
  }

  /** As Instance.stop(). */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped while it started'));
    await this.#starting;
    try {
      await this.#keeper?.stop();
    } finally {
      if (this.#directory !== undefined) await removeDirectory(this.#directory);
    }
  }

  /** As Instance.daemon(). */
  daemon(name: string): ControlledDaemon {
    const keeper = this.#keeper;
    if (keeper === undefined) throw new Error(`no daemon ${name} yet`);
    return {
      start: () => keeper.command({ daemon: name, action: 'start' }),
      stop: () => keeper.command({ daemon: name, action: 'stop' }),
      signal: (signal) => keeper.command({ daemon: name, action: 'signal', signal }),
    };
  }

  async #start(): Promise<StartedInstance> {
    const { release, cacheDirectory, shared = [], clusters, onProgress } = this.#options;
    const { signal } = this.#stopping;
    const base = await prepareBase(release, { cacheDirectory, onProgress, signal });
    await removeAbandoned(onProgress, this.#options.temporaryDirectory);
    signal.throwIfAborted();

    const keeper = thisProcess();
    const directory = await claimDirectory(this.#options.directory, this.#options.temporaryDirectory);
    this.#directory = directory;
    await writeState(directory, { keeper, release, clusters: [] });
    await mkdir(join(directory, 'root'), { mode: 0o700 });

    const within = ['sh', SCRIPT, base, directory, process.execPath, PACKAGE, 'src/keeper.ts', ...shared];
    this.#keeper = await launchKeeper(
      { clusters, directory, isEnclosed: true, detached: false },
      {
        onProgress,
        signal,
        owner: this.#options.owner,
        // Whoever holds the lock stands on this base system, which then stays.
        program: ['flock', '--shared', '--no-fork', base, ...NAMESPACES, ...within],
      },
    );
    // What `flock` and `unshare` became has started the first process of the system.
    const [first] = descendants(this.#keeper.pid);
    if (first === undefined) throw new Error('no process in the system of its own');
    const started = { ...this.#keeper.instance, enter: enter(first.pid) };
    await writeState(directory, { keeper, release, clusters: started.clusters });
    return started;
  }
}

/** What goes before a command that is to run where the process is. */
function enter(pid: number): readonly string[] {
  return ['nsenter', `--target=${pid}`, '--mount', '--uts', '--ipc', '--pid', '--root', '--wd', '--'];
}
