/** GPUs of one kind in a node. */
export interface LocalGpus {
  /** As Slurm is to name it, "a100" or "nvidia_h200_nvl_4g.71gb". Default: GPUs without a type. */
  readonly type?: string;
  readonly count: number;
}

export interface LocalNode {
  readonly name: string;
  readonly cpus?: number;
  readonly memoryMb?: number;
  readonly gpus?: LocalGpus | readonly LocalGpus[];
  /** Slices of its GPUs that are given out by themselves, for all of its GPUs together. Default: none. */
  readonly shards?: number;
  /** What --constraint can ask for. Default: none. */
  readonly features?: readonly string[];
  /**
   * A state of slurm.conf(5) in which the node is there in name only, without a slurmd: DOWN, FUTURE, or CLOUD, whose
   * nodes are powered down until a job wants them. Default: a node with a slurmd of its own.
   */
  readonly state?: 'DOWN' | 'FUTURE' | 'CLOUD';
}

export interface LocalPartition {
  readonly name: string;
  readonly nodes: readonly string[];
  /** As Slurm writes it: "30:00", "2-00:00:00". Default: no limit. */
  readonly maxTime?: string;
  /** Default: UP. */
  readonly state?: 'UP' | 'DOWN' | 'DRAIN' | 'INACTIVE';
}

export interface LocalClusterOptions {
  readonly name: string;
  readonly nodes: readonly LocalNode[];
  /** The first one is the default partition. */
  readonly partitions: readonly LocalPartition[];
  /** False: without slurmdbd, so that sacct knows nothing. Default true. */
  readonly accounting?: boolean;
  /**
   * An account of its own, with this login shell (a path; default: bash) and with its home in a directory of this name.
   * Default: the account that all clusters share.
   */
  readonly account?: { readonly home: string; readonly shell?: string };
  /**
   * How far the clocks of its daemons and of its logins are ahead; negative: behind. SFTP's own times stay right.
   * Default 0.
   */
  readonly clockOffsetSeconds?: number;
  /** Its login node asks for a one-time code, after the key or after the password. Default: the key is enough. */
  readonly twoFactor?: 'key' | 'password';
  /** Lines of sshd_config(5) for its login node, as in SshdOptions. */
  readonly sshdConfig?: readonly string[];
  /**
   * Lines of slurm.conf(5). One replaces the line here that has the same key, and without a value takes it away; lines
   * of nodes and partitions add to those here (nodes that are there in name only, without a slurmd, want `State=DOWN`).
   */
  readonly slurmConf?: readonly string[];
}

/** Two clusters that differ in their nodes, GPUs and partitions. */
export const DEFAULT_CLUSTERS: readonly LocalClusterOptions[] = [
  {
    name: 'alpha',
    nodes: [
      { name: 'gpu01', cpus: 32, memoryMb: 256_000, gpus: { type: 'a100', count: 4 } },
      { name: 'gpu02', cpus: 32, memoryMb: 256_000, gpus: { type: 'a100', count: 4 } },
      { name: 'gpu03', cpus: 48, memoryMb: 512_000, gpus: { type: 'h100', count: 2 } },
      { name: 'cpu01', cpus: 64, memoryMb: 128_000 },
    ],
    partitions: [
      { name: 'gpu', nodes: ['gpu01', 'gpu02', 'gpu03'], maxTime: '2-00:00:00' },
      { name: 'cpu', nodes: ['cpu01'], maxTime: '7-00:00:00' },
    ],
  },
  {
    name: 'beta',
    nodes: [
      { name: 'rtx01', cpus: 24, memoryMb: 128_000, gpus: { type: 'rtx4090', count: 4 } },
      { name: 'rtx02', cpus: 24, memoryMb: 128_000, gpus: { type: 'rtx4090', count: 2 } },
    ],
    partitions: [
      { name: 'gpu', nodes: ['rtx01', 'rtx02'], maxTime: '1-00:00:00' },
      { name: 'debug', nodes: ['rtx02'], maxTime: '30:00' },
    ],
  },
];

/** Of any other release: what clusters differ in for those who ask them. */
export const RELEASE_CLUSTERS: readonly LocalClusterOptions[] = [
  ...DEFAULT_CLUSTERS.map((cluster) =>
    cluster.name === 'alpha' ? cluster : { ...cluster, accounting: false, slurmConf: ['MinJobAge=2'] },
  ),
  {
    name: 'gamma',
    nodes: [{ name: 'node01', cpus: 64, memoryMb: 128_000 }],
    partitions: [{ name: 'main', nodes: ['node01'] }],
    slurmConf: ['MinJobAge=2'],
  },
];

export function defaultClusters(release: string | undefined): readonly LocalClusterOptions[] {
  return release === undefined ? DEFAULT_CLUSTERS : RELEASE_CLUSTERS;
}

/** What slurm.conf holds besides the cluster's layout. */
export interface SlurmConfPlaces {
  /** The cluster's own directory. */
  readonly directory: string;
  readonly mungeSocket: string;
  readonly controllerPort: number;
  /** One a node, in the order of the nodes. */
  readonly nodePorts: readonly number[];
  /** Undefined: no accounting. */
  readonly slurmdbdPort: number | undefined;
}

/**
 * slurm.conf(5) for fake nodes on one machine, tuned for jobs that start and end within a second. Its directory holds
 * gres.conf too, and everything the daemons keep.
 */
export function slurmConf(cluster: LocalClusterOptions, places: SlurmConfPlaces): string {
  const { directory, mungeSocket, controllerPort, nodePorts, slurmdbdPort } = places;
  const types = new Set(cluster.nodes.flatMap((node) => gpusOf(node).flatMap(({ type }) => type ?? [])));
  const hasShards = cluster.nodes.some(({ shards }) => shards !== undefined);
  const settings = [
    `ClusterName=${cluster.name}`,
    'SlurmctldHost=localhost(127.0.0.1)',
    `SlurmctldPort=${controllerPort}`,
    'SlurmUser=root',
    'SlurmdUser=root',
    // A requeued job waits until its old credential has expired: two minutes, if nothing else is said.
    `AuthInfo=socket=${mungeSocket},cred_expire=10`,
    `StateSaveLocation=${directory}/state`,
    `SlurmdSpoolDir=${directory}/spool/%n`,
    `SlurmctldPidFile=${directory}/slurmctld.pid`,
    `SlurmdPidFile=${directory}/slurmd-%n.pid`,
    'ProctrackType=proctrack/linuxproc',
    'TaskPlugin=task/none',
    'MpiDefault=none',
    'MailProg=/bin/true',
    'JobAcctGatherType=jobacct_gather/linux',
    'JobAcctGatherFrequency=5',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_Core_Memory',
    'DefMemPerCPU=2000',
    // Nodes may claim more cores and memory than the machine has.
    'SlurmdParameters=config_overrides',
    `GresTypes=gpu${hasShards ? ',shard' : ''}`,
    'ReturnToService=2',
    'KillWait=2',
    // Without bf_hetjob_prio, of two heterogeneous jobs each may be promised a node that the other needs, for good.
    // A cycle ends after bf_interval, unless bf_max_time says otherwise, and when anything changes, without bf_continue: on a
    // busy machine it may end each time before the heterogeneous jobs, which it starts last without bf_hetjob_immediate.
    'SchedulerParameters=sched_interval=1,bf_interval=1,bf_max_time=30,bf_continue,batch_sched_delay=0,' +
      'bf_hetjob_prio=min,bf_hetjob_immediate',
    ...(slurmdbdPort === undefined
      ? ['AccountingStorageType=accounting_storage/none']
      : [
          ...accountingSettings(slurmdbdPort, mungeSocket),
          // Without it slurmctld knows no accounts, and jobs are recorded with none.
          'AccountingStorageEnforce=associations',
          `AccountingStorageTRES=${['gres/gpu', ...[...types].map((type) => `gres/gpu:${type}`)].join(',')}`,
        ]),
  ];
  const nodes = cluster.nodes.map((node, index) => {
    const { name, cpus = 8, memoryMb = 32_000, features, state } = node;
    const gres = gresOf(node);
    return [
      `NodeName=${name} NodeHostname=localhost NodeAddr=127.0.0.1 Port=${nodePorts[index]}`,
      `CPUs=${cpus} RealMemory=${memoryMb}`,
      ...(gres.length === 0 ? [] : [`Gres=${gres.join(',')}`]),
      ...(features === undefined ? [] : [`Feature=${features.join(',')}`]),
      ...(state === undefined ? [] : [`State=${state}`]),
    ].join(' ');
  });
  const partitions = cluster.partitions.map(({ name, nodes: members, maxTime = 'UNLIMITED', state }, index) =>
    [
      `PartitionName=${name} Nodes=${members.join(',')} MaxTime=${maxTime} Default=${index === 0 ? 'YES' : 'NO'}`,
      ...(state === undefined ? [] : [`State=${state}`]),
    ].join(' '),
  );
  const overrides = cluster.slurmConf ?? [];
  const replaced = new Set(overrides.map(keyOf));
  const wanted = overrides.filter((line) => !line.endsWith('='));
  return [...settings.filter((line) => !replaced.has(keyOf(line))), ...nodes, ...partitions, ...wanted, ''].join('\n');
}

/** The lines of slurm.conf(5) for a slurmdbd on this machine. */
export function accountingSettings(slurmdbdPort: number, mungeSocket: string): readonly string[] {
  return [
    'AccountingStorageType=accounting_storage/slurmdbd',
    'AccountingStorageHost=127.0.0.1',
    `AccountingStoragePort=${slurmdbdPort}`,
    // For this plugin the "password" is munge's socket; AuthInfo isn't used on the way to slurmdbd.
    `AccountingStoragePass=${mungeSocket}`,
  ];
}

/** gres.conf(5). `gpuDirectory` holds a device `gpu<index>` for every GPU of the largest node. */
export function gresConf(cluster: LocalClusterOptions, gpuDirectory: string): string {
  const lines = cluster.nodes.flatMap((node) => {
    let first = 0;
    const gpus = gpusOf(node).map(({ type, count }) => {
      const files = `${gpuDirectory}/gpu[${first}-${first + count - 1}]`;
      first += count;
      return `NodeName=${node.name} Name=gpu${type === undefined ? '' : ` Type=${type}`} File=${files}`;
    });
    return node.shards === undefined ? gpus : [...gpus, `NodeName=${node.name} Name=shard Count=${node.shards}`];
  });
  return ['AutoDetect=off', ...lines, ''].join('\n');
}

/** The number of GPUs in the node that has most of them. */
export function largestGpuCount(cluster: LocalClusterOptions): number {
  return Math.max(0, ...cluster.nodes.map((node) => gpusOf(node).reduce((sum, { count }) => sum + count, 0)));
}

/** What Gres= of a node's line lists. */
function gresOf(node: LocalNode): readonly string[] {
  const gpus = gpusOf(node).map(({ type, count }) => ['gpu', ...(type === undefined ? [] : [type]), count].join(':'));
  return node.shards === undefined ? gpus : [...gpus, `shard:${node.shards}`];
}

function gpusOf({ gpus = [] }: LocalNode): readonly LocalGpus[] {
  return 'count' in gpus ? [gpus] : gpus;
}

function keyOf(line: string): string {
  return (line.split('=')[0] ?? '').trim().toLowerCase();
}
