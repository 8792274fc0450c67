import { KNOWS_NO_USER } from './cluster.ts';
import { clustersYaml, type YamlSettings } from './clusters-yaml.ts';
import { launchKeeper } from './keeper-client.ts';
import { defaultClusters, type LocalClusterOptions } from './layout.ts';
import { asRoot, run } from './run.ts';
import type { LocalCluster } from './state.ts';

export interface LocalSlurmOptions {
  /**
   * One of RELEASES, in a system of its own on this machine, where it is made once and kept in the user's cache. Default: the
   * Slurm of the machine's own packages.
   */
  readonly release?: string;
  /** Directories of this machine that the daemons and jobs of a release see, too, at the same paths. Default: none. */
  readonly shared?: readonly string[];
  /** Default: DEFAULT_CLUSTERS, alpha and beta; of a release RELEASE_CLUSTERS, with gamma. */
  readonly clusters?: readonly LocalClusterOptions[];
  /** Made, or empty; removed at the end. Default: a new one in the system's directory for temporary files. */
  readonly directory?: string;
  readonly onProgress?: (line: string) => void;
  /** Ends the start: everything is taken down, then startLocalSlurm rejects. */
  readonly signal?: AbortSignal;
}

/** Slurm clusters on this machine. They end with stop(), and with the process that started them. */
export interface LocalSlurm {
  readonly directory: string;
  /** A directory in it for whatever goes with these clusters; removed with them, even if this process is killed. */
  readonly scratch: string;
  readonly clusters: readonly LocalCluster[];
  /** Settles when nothing is left of it, for whatever reason; rejects when something couldn't be removed. */
  readonly stopped: Promise<void>;
  cluster(name: string): LocalCluster;
  /** The text of a clusters.yaml for all of them; `extra` adds to the keys of each cluster. */
  clustersYaml(extra?: YamlSettings): string;
  /** What goes before a command that root is to run where the daemons are: nothing, when that is this machine itself. */
  readonly enter: readonly string[];
  /** Runs a command, Slurm's own or another, as root with this cluster's SLURM_CONF, and gives its stdout. Throws a CommandError. */
  run(cluster: string, command: string, args: readonly string[]): Promise<string>;
  /**
   * Ends a daemon: "munged", "mariadbd", "slurmdbd", "alpha/slurmctld", "alpha/slurmd-gpu01", "alpha/sshd" (with its
   * sessions). Its state is kept.
   */
  stopDaemon(name: string): Promise<void>;
  /** Starts a daemon that ended, on the same port. Resolves once it serves. */
  startDaemon(name: string): Promise<void>;
  /** SIGSTOP makes a daemon hang, SIGCONT lets it go on. */
  signalDaemon(name: string, signal: NodeJS.Signals): Promise<void>;
  /** Resolves when no process, directory or account is left of it. May be called again. */
  stop(): Promise<void>;
}

/** Starts Slurm clusters, after installing the packages they need. When it rejects, nothing of them is left. */
export async function startLocalSlurm(options: LocalSlurmOptions = {}): Promise<LocalSlurm> {
  const { release, shared = [], directory, ...launchOptions } = options;
  const { onProgress = console.warn } = launchOptions;
  const keeper = await launchAgain(
    () =>
      launchKeeper(
        {
          clusters: options.clusters ?? defaultClusters(release),
          detached: false,
          ...(release === undefined ? {} : { release, shared }),
          ...(directory === undefined ? {} : { directory }),
        },
        launchOptions,
      ),
    onProgress,
  );
  const { clusters, enter } = keeper.instance;
  const cluster = (name: string): LocalCluster => {
    const found = clusters.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no cluster ${name}`);
    return found;
  };
  return {
    ...keeper.instance,
    stopped: keeper.stopped,
    cluster,
    clustersYaml: (extra) => clustersYaml(clusters, extra),
    run: async (name, command, args) => runAsRoot(enter, cluster(name), command, args),
    stopDaemon: (daemon) => keeper.command({ daemon, action: 'stop' }),
    startDaemon: (daemon) => keeper.command({ daemon, action: 'start' }),
    signalDaemon: (daemon, signal) => keeper.command({ daemon, action: 'signal', signal }),
    stop: () => keeper.stop(),
  };
}

/**
 * Seldom, slurmdbd accounts for the users of a new cluster and its slurmctld hears of none, however often it is started
 * (seen with 22.05.8; why isn't known: of 252 clusters, three at a time on a busy machine, none did). With a database of
 * its own, another instance does. What the first one knew is told, for whoever finds out.
 */
async function launchAgain<T>(launch: () => Promise<T>, onProgress: (line: string) => void): Promise<T> {
  try {
    return await launch();
  } catch (cause) {
    if (!(cause instanceof Error && cause.message.includes(KNOWS_NO_USER))) throw cause;
    onProgress(`made anew: ${cause.message}`);
    return launch();
  }
}

async function runAsRoot(
  enter: readonly string[],
  cluster: LocalCluster,
  command: string,
  args: readonly string[],
): Promise<string> {
  const [first = '', ...words] = [...enter, 'env', `SLURM_CONF=${cluster.slurmConf}`, command, ...args];
  const program = await asRoot(first, words);
  if (program === undefined) throw new Error(`${command} needs root, and sudo asks for a password by now.`);
  return run(program.command, program.args);
}
