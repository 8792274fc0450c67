import { randomBytes } from 'node:crypto';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, type AccountOptions, createAccount } from './account.ts';
import { prepareDatabase, registerClusters, startSlurmdbd } from './accounting.ts';
import { CLOCK_PACKAGE } from './clock.ts';
import { clusterEnvironment, slurmConfPath, startCluster } from './cluster.ts';
import { claimDirectory, removeAbandoned, removeDirectory, removeLeftovers } from './directory.ts';
import { createKey } from './keys.ts';
import type { LocalClusterOptions } from './layout.ts';
import { prepareMunge } from './munge.ts';
import { ensurePackages } from './packages.ts';
import { thisProcess } from './processes.ts';
import { startSshd } from './sshd.ts';
import { type LocalCluster, writeState } from './state.ts';

export interface InstanceOptions {
  /** Made here, or empty. Default: a new one in `temporaryDirectory`. */
  readonly directory?: string;
  readonly temporaryDirectory: string;
  readonly clusters: readonly LocalClusterOptions[];
  /**
   * In a system that is there for nothing else: it holds the packages, and `directory` was claimed by whoever also removes
   * it. Default false.
   */
  readonly isEnclosed?: boolean;
  /** The uid that gets the scratch directory and the client key. */
  readonly owner: number;
  readonly onProgress: (line: string) => void;
}

/** What can be done to a daemon from outside, for tests of faults. */
export interface ControlledDaemon {
  start(): Promise<void>;
  stop(options?: { readonly graceMs?: number }): Promise<void>;
  signal(signal: NodeJS.Signals): boolean | Promise<void>;
}

/** What has been started. */
export interface StartedInstance {
  readonly directory: string;
  /** A directory in it that belongs to the owner. */
  readonly scratch: string;
  readonly clusters: readonly LocalCluster[];
  /** What goes before a command that root is to run where the daemons are: nothing, when that is this machine itself. */
  readonly enter: readonly string[];
}

/** Where things are in the directory of an instance, and who they are for. */
interface Common {
  readonly directory: string;
  readonly mungeSocket: string;
  readonly identityFile: string;
  readonly publicKey: string;
  readonly knownHosts: string;
  /** Of the account, where a cluster asks for it. */
  readonly password: string;
}

/** What every instance needs. */
export const PACKAGES = [
  'slurmctld',
  'slurmd',
  'slurm-client',
  'slurmdbd',
  'munge',
  'openssh-server',
  'mariadb-server-core',
];

/** Clusters with all that they need, in one directory, as children of this process. One a process; needs root. */
export class Instance {
  readonly #options: InstanceOptions;
  readonly #daemons = new Map<string, ControlledDaemon>();
  readonly #stopping = new AbortController();
  #starting: Promise<unknown> | undefined;
  #directory: string | undefined;
  readonly #accounts: Account[] = [];

  constructor(options: InstanceOptions) {
    this.#options = options;
  }

  /** Resolves once every node is idle and every sshd listens. When it throws, stop() still has to be called. */
  async start(): Promise<StartedInstance> {
    const started = this.#start();
    this.#starting = started.catch(() => undefined);
    return started;
  }

  /** Ends every process, removes the account and the directory. Goes on after a fault, and throws all at the end. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped while it started'));
    await this.#starting;
    const faults: unknown[] = [];
    const attempt = (step: Promise<unknown>) => step.catch((fault: unknown) => faults.push(fault));

    // Nothing of it is kept, so nothing has to be written in peace.
    await Promise.all([...this.#daemons.values()].map((daemon) => attempt(daemon.stop({ graceMs: 0 }))));
    const directory = this.#directory;
    if (directory !== undefined) {
      for (const account of this.#accounts) await attempt(removeLeftovers(account, directory));
      if (!this.#isEnclosed) await attempt(removeDirectory(directory));
    }
    if (faults.length > 0) throw new AggregateError(faults, faults.map(String).join('\n'));
  }

  /** By its name: "munged", "mariadbd", "slurmdbd", "alpha/slurmctld", "alpha/slurmd-gpu01", "alpha/sshd". */
  daemon(name: string): ControlledDaemon {
    const daemon = this.#daemons.get(name);
    if (daemon === undefined) throw new Error(`no daemon ${name}; there are ${[...this.#daemons.keys()].join(', ')}`);
    return daemon;
  }

  async #start(): Promise<StartedInstance> {
    const { clusters, onProgress, temporaryDirectory } = this.#options;
    const hasOtherClock = clusters.some(({ clockOffsetSeconds }) => clockOffsetSeconds !== undefined);
    const packages = [...(this.#isEnclosed ? [] : PACKAGES), ...(hasOtherClock ? [CLOCK_PACKAGE] : [])];
    await ensurePackages(packages, { onProgress });
    if (!this.#isEnclosed) await removeAbandoned(onProgress, temporaryDirectory);
    this.#stopping.signal.throwIfAborted();

    const directory = await this.#claimDirectory();
    const shared = await this.#createAccount({ directory });
    const accounts = new Map<LocalClusterOptions, Account>();
    for (const cluster of clusters) {
      accounts.set(cluster, cluster.account ? await this.#createAccount({ directory, ...cluster.account }) : shared);
    }

    const common = await this.#startCommon(directory);
    const slurmdbdPort = await this.#startAccounting(common);
    const started = await all(
      [...accounts].map(([cluster, account]) => this.#startCluster(cluster, account, common, slurmdbdPort)),
    );
    await writeFile(common.knownHosts, started.map(({ knownHostsLine }) => `${knownHostsLine}\n`).join(''));
    const scratch = join(directory, 'scratch');
    await mkdir(scratch, { mode: 0o700 });
    await chown(scratch, this.#options.owner, -1);
    const result = { directory, scratch, clusters: started.map(({ cluster }) => cluster), enter: [] };
    if (!this.#isEnclosed) await writeState(directory, { keeper: thisProcess(), clusters: result.clusters });
    return result;
  }

  get #isEnclosed(): boolean {
    return this.#options.isEnclosed === true;
  }

  async #claimDirectory(): Promise<string> {
    const { directory: wanted, temporaryDirectory } = this.#options;
    if (this.#isEnclosed && wanted === undefined) throw new Error('an enclosed instance is told its directory');
    const directory =
      this.#isEnclosed && wanted !== undefined ? wanted : await claimDirectory(wanted, temporaryDirectory);
    this.#directory = directory;
    if (!this.#isEnclosed) await writeState(directory, { keeper: thisProcess(), clusters: [] });
    return directory;
  }

  async #createAccount(options: AccountOptions): Promise<Account> {
    // The machine, too, sees the processes, and must not take them for those of an account of its own.
    const account = await createAccount({ ...options, isApart: this.#isEnclosed });
    this.#accounts.push(account);
    return account;
  }

  async #startCommon(directory: string): Promise<Common> {
    const identityFile = join(directory, 'client_key');
    const publicKey = await createKey(identityFile);
    await chown(identityFile, this.#options.owner, -1);
    const munge = await prepareMunge(join(directory, 'munge'));
    await this.#startDaemon('munged', munge.daemon);
    return {
      directory,
      mungeSocket: munge.socket,
      identityFile,
      publicKey,
      knownHosts: join(directory, 'known_hosts'),
      password: randomBytes(12).toString('hex'),
    };
  }

  /** Gives slurmdbd's port, or undefined when no cluster wants accounting. */
  async #startAccounting({ directory, mungeSocket }: Common): Promise<number | undefined> {
    const names = this.#options.clusters.filter(({ accounting }) => accounting !== false).map(({ name }) => name);
    if (names.length === 0) return undefined;
    const databaseDirectory = join(directory, 'database');
    await this.#startDaemon('mariadbd', await prepareDatabase(databaseDirectory));
    this.#options.onProgress('MariaDB is up');
    const slurmdbd = await startSlurmdbd(databaseDirectory, mungeSocket);
    this.#daemons.set('slurmdbd', slurmdbd.daemon);
    await registerClusters(
      databaseDirectory,
      names,
      this.#accounts.map(({ name }) => name),
    );
    this.#options.onProgress('slurmdbd is up');
    return slurmdbd.port;
  }

  async #startCluster(
    cluster: LocalClusterOptions,
    account: Account,
    common: Common,
    slurmdbdPort: number | undefined,
  ) {
    this.#stopping.signal.throwIfAborted();
    const directory = join(common.directory, cluster.name);
    const daemons = await startCluster(cluster, {
      directory,
      mungeSocket: common.mungeSocket,
      slurmdbdPort: cluster.accounting === false ? undefined : slurmdbdPort,
      user: account,
    });
    for (const [name, daemon] of daemons) this.#daemons.set(name, daemon);
    const password = cluster.twoFactor === 'password' ? common.password : null;
    const sshd = await startSshd({
      directory: join(directory, 'sshd'),
      user: account.name,
      authorizedKeys: [common.publicKey],
      extraConfig: cluster.sshdConfig ?? [],
      ...(cluster.twoFactor === undefined ? {} : { twoFactor: password === null ? {} : { password } }),
      environment: clusterEnvironment(cluster, directory),
    });
    this.#daemons.set(`${cluster.name}/sshd`, sshd);
    this.#options.onProgress(`cluster ${cluster.name} is up: ${cluster.nodes.length} nodes, sshd on port ${sshd.port}`);
    return {
      knownHostsLine: sshd.knownHostsLine,
      cluster: {
        name: cluster.name,
        host: sshd.host,
        port: sshd.port,
        user: account.name,
        identityFile: common.identityFile,
        knownHosts: common.knownHosts,
        twoFactor: sshd.codeSecret === undefined ? null : { codeSecret: sshd.codeSecret, password },
        directory,
        slurmConf: slurmConfPath(directory),
      },
    };
  }

  async #startDaemon(name: string, daemon: ControlledDaemon): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    await daemon.start();
    this.#daemons.set(name, daemon);
  }
}

/** Like Promise.all, but waits for the others too when one fails: none is left half started. */
async function all<Value>(promises: readonly Promise<Value>[]): Promise<readonly Value[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
