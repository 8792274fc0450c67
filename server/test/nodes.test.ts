import type { LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer, until } from './support/server.ts';
import { isSince, startSlurm } from './support/slurm.ts';

interface Count {
  readonly total: number;
  readonly allocated: number;
  readonly idle: number;
  readonly unavailable: number;
}
interface Pool extends Count {
  readonly gpuType: string;
  readonly obtainable: number;
}
interface ClusterNode {
  readonly name: string;
  readonly state: string;
  readonly isUsable: boolean;
  readonly isPlanned: boolean;
  readonly isPoweredDown: boolean;
  readonly isPoweringUp: boolean;
  readonly obstacle: string | null;
  readonly reason: string | null;
  readonly partitions: readonly string[];
  readonly cpus: Count;
  readonly memoryMb: Count;
  readonly gpus: readonly Pool[];
  readonly shards: readonly Pool[];
}
interface Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly gpuAvailability: {
    readonly fetchedAt: string;
    readonly pools: readonly Pool[];
    readonly shards: readonly Pool[];
  };
  readonly partitions: readonly { readonly name: string; readonly state: string; readonly gpus: readonly Pool[] }[];
}

const COUNT = 'total allocated idle unavailable';
const POOL = `gpuType obtainable ${COUNT}`;
const NODES = `{ cluster(name: "gamma") {
  nodes(maxAgeSeconds: 0) { name state isUsable isPlanned isPoweredDown isPoweringUp obstacle reason partitions
    cpus { ${COUNT} } memoryMb { ${COUNT} } gpus { ${POOL} } shards { ${POOL} } }
  gpuAvailability(maxAgeSeconds: 0) { fetchedAt pools { ${POOL} } shards { ${POOL} } }
  partitions { name state gpus { ${POOL} } }
} }`;

let slurm: LocalSlurm;
let server: TestServer;

beforeAll(async () => {
  const a100 = { type: 'a100', count: 4 };
  slurm = await startSlurm({
    clusters: [
      {
        name: 'gamma',
        accounting: false,
        nodes: [
          {
            name: 'two-types',
            gpus: [
              { ...a100, count: 2 },
              { type: 'h100', count: 2 },
            ],
          },
          { name: 'untyped', gpus: { count: 4 } },
          { name: 'mig', gpus: { type: 'nvidia_h200_nvl_4g.71gb', count: 2 } },
          { name: 'sharded', gpus: a100, ...(isSince('22.05') ? { shards: 16 } : {}) },
          { name: 'plain', gpus: a100 },
          { name: 'other', gpus: a100 },
          { name: 'closed', gpus: a100 },
          { name: 'dead', state: 'DOWN', gpus: a100 },
          { name: 'cloud', state: 'CLOUD', gpus: a100 },
          { name: 'later', state: 'FUTURE', gpus: a100 },
        ],
        partitions: [
          { name: 'gpu', nodes: ['two-types', 'untyped', 'mig', 'sharded', 'plain', 'other', 'dead', 'later'] },
          { name: 'also', nodes: ['plain', 'other'] },
          { name: 'cloud', nodes: ['cloud'] },
          { name: 'shut', nodes: ['closed', 'plain'], state: 'DOWN' },
        ],
        slurmConf: [
          'SuspendProgram=/bin/true',
          'ResumeProgram=/bin/true',
          'SuspendTime=36000',
          'ResumeTimeout=3600',
          // Otherwise scontrol shows nothing of nodes that are powered down.
          'PrivateData=cloud',
        ],
      },
    ],
  });
  server = await TestServer.start(slurm.clustersYaml({ gpu_cache_seconds: 1 }));
  await until(
    () => server.query<{ cluster: { status: string } }>('{ cluster(name: "gamma") { status } }'),
    ({ cluster }) => cluster.status === 'ONLINE',
  );
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await slurm?.stop();
});

const scontrol = (...args: readonly string[]) => slurm.run('gamma', 'scontrol', args);

/** Submits a job that stays, and gives its id once it has begun. */
async function running(...options: readonly string[]): Promise<string> {
  const id = await waiting(...options);
  await until(
    () => slurm.run('gamma', 'squeue', ['-h', '-j', id, '-o', '%T']),
    (state) => /RUNNING|CONFIGURING/.test(state),
  );
  return id;
}

async function waiting(...options: readonly string[]): Promise<string> {
  const fixed = ['--parsable', '--output=/dev/null', '--wrap=sleep 600'];
  return (await slurm.run('gamma', 'sbatch', [...fixed, ...options])).trim();
}

/** As the API shows the cluster once it shows what is waited for, with every number checked. */
async function seen(isRight: (node: ClusterNode) => boolean, name: string): Promise<ClusterNode> {
  const { before, cluster } = await until(
    async () => {
      // What scontrol says the same before and after holds for the answer between.
      const before = await shown();
      const askedAt = Date.now();
      const { cluster } = await until(
        () => server.query<{ cluster: Cluster }>(NODES),
        (answer) => Date.parse(answer.cluster.gpuAvailability.fetchedAt) > askedAt,
      );
      return { before, cluster, after: await shown() };
    },
    (answer) =>
      answer.before === answer.after && answer.cluster.nodes.some((node) => node.name === name && isRight(node)),
  );
  await expectNumbersOf(before, cluster);
  const found = cluster.nodes.find((node) => node.name === name);
  if (found === undefined) throw new Error(`no node ${name}`);
  return found;
}

/** What scontrol shows, without what changes all the time. */
async function shown(): Promise<string> {
  const text = await scontrol('-d', '-o', 'show', 'node');
  return text.replace(/ (?:CPULoad|FreeMem|\w+Time)=\S+/g, '');
}

const words = (state: string) => state.split('+').toSorted();

/** 20.11 has marks and words of its own for some states. */
function inNewWords(state: string): string {
  return state
    .replace('*', '+NOT_RESPONDING')
    .replace('#', '+POWERING_UP')
    .replace(/\bPOWER\b/, 'POWERED_DOWN')
    .replace(/\bPOWER_UP\b/, 'POWERING_UP')
    .replace(/\bMAINT\b/, 'MAINTENANCE');
}

/** Reads scontrol in a way of its own, and holds every number of the answer against it. */
async function expectNumbersOf(text: string, cluster: Cluster): Promise<void> {
  // scontrol itself is taken in by a comment of two lines; sinfo prints none.
  const sinfo = await slurm.run('gamma', 'sinfo', ['-a', '-h', '-N', '-o', '%N']);
  const names = new Set(sinfo.split(/\s+/).filter(Boolean));
  const lines = text.split('\n').filter((line) => names.has(/^NodeName=(\S+)/.exec(line)?.[1] ?? ''));
  const value = (line: string, key: string) => new RegExp(` ${key}=(\\S*)`).exec(line)?.[1] ?? '';
  const counts = (list: string, name: string) => {
    const sums: Record<string, number> = {};
    for (const [, type = '', count] of list.matchAll(new RegExp(`(?<![a-z])${name}:(?:([^:,(]+):)?(\\d+)`, 'g'))) {
      sums[type] = (sums[type] ?? 0) + Number(count);
    }
    return sums;
  };
  expect(cluster.nodes.map(({ name }) => name)).toEqual(lines.map((line) => /^NodeName=(\S+)/.exec(line)?.[1]));

  const clusterTotals: Record<string, number> = {};
  const clusterAllocated: Record<string, number> = {};
  for (const [index, line] of lines.entries()) {
    const node = cluster.nodes[index];
    if (node === undefined) throw new Error('a node is missing');
    expect(words(node.state)).toEqual(words(inNewWords(value(line, 'State'))));
    expect(node.partitions).toEqual(value(line, 'Partitions').split(','));
    expect([node.cpus.total, node.cpus.allocated]).toEqual(
      [value(line, 'CPUTot'), value(line, 'CPUAlloc')].map(Number),
    );
    expect([node.memoryMb.total, node.memoryMb.allocated]).toEqual(
      [value(line, 'RealMemory'), value(line, 'AllocMem')].map(Number),
    );
    const totals = counts(value(line, 'Gres'), 'gpu');
    const allocated = counts(value(line, 'GresUsed'), 'gpu');
    expect(Object.fromEntries(node.gpus.map((pool) => [pool.gpuType, pool.total]))).toEqual(totals);
    expect(Object.fromEntries(node.gpus.map((pool) => [pool.gpuType, pool.allocated]))).toEqual(allocated);
    expect(Object.fromEntries(node.shards.map((pool) => [pool.gpuType, pool.total]))).toEqual(
      counts(value(line, 'Gres'), 'shard'),
    );
    for (const [type, total] of Object.entries(totals)) {
      clusterTotals[type] = (clusterTotals[type] ?? 0) + total;
      clusterAllocated[type] = (clusterAllocated[type] ?? 0) + (allocated[type] ?? 0);
    }
    for (const count of [node.cpus, node.memoryMb, ...node.gpus, ...node.shards]) {
      expect(count.total).toBe(count.allocated + count.idle + count.unavailable);
    }
    for (const pool of node.gpus) expect(node.isUsable ? pool.unavailable : pool.idle).toBe(0);
    if (!node.isUsable) expect(node.reason).not.toBeNull();
  }
  const { pools } = cluster.gpuAvailability;
  expect(Object.fromEntries(pools.map(({ gpuType, total }) => [gpuType, total]))).toEqual(clusterTotals);
  expect(Object.fromEntries(pools.map(({ gpuType, allocated }) => [gpuType, allocated]))).toEqual(clusterAllocated);
  for (const pool of pools) expect(pool.total).toBe(pool.allocated + pool.idle + pool.unavailable);
}

it('types, GPUs without one and MIG names are counted as scontrol counts them, without their TRES', async () => {
  const jobs = [
    await running('-w', 'two-types', '--gres=gpu:h100:1', '--mem=100'),
    await running('-w', 'untyped', '--gres=gpu:3', '--mem=100'),
    await running('-w', 'mig', '--gres=gpu:nvidia_h200_nvl_4g.71gb:1', '--mem=100'),
  ];
  await seen(({ gpus }) => gpus[0]?.allocated === 1, 'mig');
  await slurm.run('gamma', 'scancel', jobs);
});

if (isSince('22.05')) {
  it('shards are counted as scontrol counts them, beside the GPUs that they are slices of', async () => {
    const jobs = [
      await running('-w', 'sharded', '--gres=shard:1', '--mem=100'),
      await running('-w', 'sharded', '--gres=gpu:1', '--mem=100'),
    ];
    const sharded = await seen(({ shards, gpus }) => shards[0]?.allocated === 1 && gpus[0]?.allocated === 1, 'sharded');
    expect(sharded.gpus).toEqual([{ gpuType: 'a100', total: 4, allocated: 1, idle: 3, unavailable: 0, obtainable: 2 }]);
    expect(sharded.shards).toEqual([
      { gpuType: 'a100', total: 16, allocated: 1, idle: 15, unavailable: 0, obtainable: 11 },
    ]);
    await slurm.run('gamma', 'scancel', jobs);
  });
}

it('GPUs whose node has no free CPU or memory are idle, and not to be had', async () => {
  const cpus = await running('-w', 'plain', '-n8', '--mem=100');
  expect(await seen(({ obstacle }) => obstacle === 'CPUS', 'plain')).toMatchObject({
    isUsable: true,
    gpus: [{ total: 4, allocated: 0, idle: 4, unavailable: 0, obtainable: 0 }],
  });
  await slurm.run('gamma', 'scancel', [cpus]);
  const memory = await running('-w', 'plain', '-n1', '--mem=32000', '--gres=gpu:1');
  expect(await seen(({ obstacle }) => obstacle === 'MEMORY', 'plain')).toMatchObject({
    gpus: [{ allocated: 1, idle: 3, obtainable: 0 }],
  });
  await slurm.run('gamma', 'scancel', [memory]);
  expect((await seen(({ obstacle }) => obstacle === null, 'plain')).gpus[0]).toMatchObject({ obtainable: 4 });
});

it('a drained node is unavailable with the reason that was given, whatever that and its comment say', async () => {
  const reason = 'bad fan State=IDLE Gres=gpu:a100:9';
  const comment = 'CPUTot=1\nNodeName=evil State=IDLE Gres=gpu:a100:99';
  await scontrol('update', 'NodeName=other', 'State=DRAIN', `Reason=${reason}`, `Comment=${comment}`);
  expect(await seen(({ isUsable }) => !isUsable, 'other')).toMatchObject({
    reason,
    obstacle: 'STATE',
    gpus: [{ total: 4, allocated: 0, idle: 0, unavailable: 4, obtainable: 0 }],
    cpus: { idle: 0, unavailable: 8 },
  });
  await scontrol('update', 'NodeName=other', 'State=RESUME', 'Comment=');
  // 24.11.5 keeps what was noted.
  const left = isSince('24.11') && !isSince('25.05') ? reason : null;
  await seen(({ isUsable, reason: now }) => isUsable && now === left, 'other');
});

it('nodes that are down or reserved are unavailable, and say so where Slurm gives no reason', async () => {
  expect(await seen(() => true, 'dead')).toMatchObject({ isUsable: false, gpus: [{ unavailable: 4 }] });
  const fixed = ['StartTime=now', 'Duration=60', 'Users=root', 'PartitionName=gpu'];
  await scontrol('create', 'reservation', 'ReservationName=ours', 'Nodes=mig', ...fixed);
  await scontrol('create', 'reservation', 'ReservationName=repair', 'Nodes=plain', 'Flags=MAINT', ...fixed);
  expect(await seen(({ isUsable }) => !isUsable, 'mig')).toMatchObject({ reason: 'Held by a reservation' });
  expect(await seen(({ isUsable }) => !isUsable, 'plain')).toMatchObject({
    reason: 'Held by a reservation for maintenance',
    gpus: [{ unavailable: 4, obtainable: 0 }],
  });
  for (const name of ['ours', 'repair']) await scontrol('delete', `ReservationName=${name}`);
  await seen(({ isUsable }) => isUsable, 'plain');
});

if (isSince('21.08')) {
  it('a node that is planned for a waiting job is marked, and still free', async () => {
    const first = await running('-w', 'other', '--exclusive', '-t', '30');
    const second = await waiting('-w', 'other,plain', '-N2', '--exclusive', '-t', '60');
    expect(await seen(({ isPlanned }) => isPlanned, 'plain')).toMatchObject({
      isUsable: true,
      gpus: [{ idle: 4, obtainable: 4 }],
    });
    await slurm.run('gamma', 'scancel', [second, first]);
  });
}

it('a node that is powered down is there on demand, and takes more jobs while it comes up', async () => {
  expect(await seen(({ isPoweredDown }) => isPoweredDown, 'cloud')).toMatchObject({
    isUsable: true,
    gpus: [{ idle: 4, obtainable: 4 }],
  });
  const job = await running('-p', 'cloud', '--gres=gpu:1', '--mem=100');
  expect(await seen(({ isPoweringUp }) => isPoweringUp, 'cloud')).toMatchObject({
    isUsable: true,
    isPoweredDown: false,
    gpus: [{ total: 4, allocated: 1, idle: 3, obtainable: 3 }],
  });
  // So Slurm itself sees it: another job gets the node at once.
  const another = await running('-p', 'cloud', '--gres=gpu:1', '--mem=100');
  await slurm.run('gamma', 'scancel', [job, another]);
});

it('a partition that is not up gives no GPU; a node that is in an open one too is counted once', async () => {
  expect(await seen(() => true, 'closed')).toMatchObject({
    isUsable: true,
    obstacle: 'PARTITIONS',
    gpus: [{ total: 4, idle: 4, unavailable: 0, obtainable: 0 }],
  });
  const { cluster } = await server.query<{ cluster: Cluster }>(NODES);
  const shut = cluster.partitions.find(({ name }) => name === 'shut');
  expect(shut).toMatchObject({ state: 'DOWN', gpus: [{ gpuType: 'a100', total: 8, idle: 8, obtainable: 0 }] });
  const plain = cluster.nodes.filter(({ name }) => name === 'plain');
  expect(plain.map(({ partitions }) => partitions)).toEqual([['gpu', 'also', 'shut']]);
});
