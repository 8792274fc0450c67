/** A node with a slurmd of its own. */
export interface LocalNode {
  readonly name: string;
  readonly cpus?: number;
  readonly memoryMb?: number;
  readonly gpus?: { readonly type: string; readonly count: number };
}

export interface LocalPartition {
  readonly name: string;
  readonly nodes: readonly string[];
  /** As Slurm writes it: "30:00", "2-00:00:00". Default: no limit. */
  readonly maxTime?: string;
}

export interface LocalClusterOptions {
  readonly name: string;
  readonly nodes: readonly LocalNode[];
  /** The first one is the default partition. */
  readonly partitions: readonly LocalPartition[];
  /** False: without slurmdbd, so that sacct knows nothing. Default true. */
  readonly accounting?: boolean;
  /** Its login node asks for a one-time code, after the key or after the password. Default: the key is enough. */
  readonly twoFactor?: 'key' | 'password';
  /** Lines of sshd_config(5) for its login node, as in SshdOptions. */
  readonly sshdConfig?: readonly string[];
  /**
   * Lines of slurm.conf(5). One replaces the line here that has the same key; lines of nodes and partitions add to
   * those here (nodes that are there in name only, without a slurmd, want `State=DOWN`).
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

/** What slurm.conf holds besides the cluster's layout. */
export interface SlurmConfPlaces {
  /** The cluster's own folder. */
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
  const types = new Set(cluster.nodes.flatMap((node) => node.gpus?.type ?? []));
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
    'GresTypes=gpu',
    'ReturnToService=2',
    'KillWait=2',
    'SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0',
    ...(slurmdbdPort === undefined
      ? ['AccountingStorageType=accounting_storage/none']
      : [
          ...accountingSettings(slurmdbdPort, mungeSocket),
          // Without it slurmctld knows no accounts, and jobs are recorded with none.
          'AccountingStorageEnforce=associations',
          `AccountingStorageTRES=${['gres/gpu', ...[...types].map((type) => `gres/gpu:${type}`)].join(',')}`,
        ]),
  ];
  const nodes = cluster.nodes.map(({ name, cpus = 8, memoryMb = 32_000, gpus }, index) =>
    [
      `NodeName=${name} NodeHostname=localhost NodeAddr=127.0.0.1 Port=${nodePorts[index]}`,
      `CPUs=${cpus} RealMemory=${memoryMb}`,
      ...(gpus === undefined ? [] : [`Gres=gpu:${gpus.type}:${gpus.count}`]),
    ].join(' '),
  );
  const partitions = cluster.partitions.map(
    ({ name, nodes: members, maxTime = 'UNLIMITED' }, index) =>
      `PartitionName=${name} Nodes=${members.join(',')} MaxTime=${maxTime} Default=${index === 0 ? 'YES' : 'NO'}`,
  );
  const overrides = cluster.slurmConf ?? [];
  const replaced = new Set(overrides.map(keyOf));
  return [...settings.filter((line) => !replaced.has(keyOf(line))), ...nodes, ...partitions, ...overrides, ''].join(
    '\n',
  );
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
  const lines = cluster.nodes.flatMap(({ name, gpus }) =>
    gpus === undefined
      ? []
      : [`NodeName=${name} Name=gpu Type=${gpus.type} File=${gpuDirectory}/gpu[0-${gpus.count - 1}]`],
  );
  return ['AutoDetect=off', ...lines, ''].join('\n');
}

function keyOf(line: string): string {
  return (line.split('=')[0] ?? '').trim().toLowerCase();
}
