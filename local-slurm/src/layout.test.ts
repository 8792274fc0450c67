import { expect, test } from 'vitest';
import { gresConf, slurmConf } from './layout.ts';

const CLUSTER = {
  name: 'tiny',
  nodes: [{ name: 'n1', cpus: 4, memoryMb: 1000, gpus: { type: 'a100', count: 2 } }, { name: 'n2' }],
  partitions: [
    { name: 'main', nodes: ['n1', 'n2'] },
    { name: 'short', nodes: ['n2'], maxTime: '30:00' },
  ],
};
const PLACES = {
  directory: '/d/tiny',
  mungeSocket: '/d/munge/socket',
  controllerPort: 1001,
  nodePorts: [1002, 1003],
  slurmdbdPort: 1000,
};

test('nodes get their ports, GPUs and partitions, the first partition is the default', () => {
  const lines = slurmConf(CLUSTER, PLACES).split('\n');
  expect(lines.filter((line) => /^(Node|Partition)Name=/.test(line))).toEqual([
    'NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=1002 CPUs=4 RealMemory=1000 Gres=gpu:a100:2',
    'NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=1003 CPUs=8 RealMemory=32000',
    'PartitionName=main Nodes=n1,n2 MaxTime=UNLIMITED Default=YES',
    'PartitionName=short Nodes=n2 MaxTime=30:00 Default=NO',
  ]);
  expect(gresConf(CLUSTER, '/d/tiny/gpus')).toBe(
    'AutoDetect=off\nNodeName=n1 Name=gpu Type=a100 File=/d/tiny/gpus/gpu[0-1]\n',
  );
});

test("a line of one's own replaces the line with its key, and nodes add to those there are", () => {
  const slurmConfLines = ['killwait=30', 'NodeName=far[1-5000] State=DOWN'];
  const lines = slurmConf({ ...CLUSTER, slurmConf: slurmConfLines }, PLACES).split('\n');
  expect(lines.filter((line) => /^killwait=/i.test(line))).toEqual(['killwait=30']);
  expect(lines.filter((line) => line.startsWith('NodeName='))).toHaveLength(3);
});

test('without accounting there is no slurmdbd in it', () => {
  const text = slurmConf(CLUSTER, { ...PLACES, slurmdbdPort: undefined });
  expect(text).toContain('AccountingStorageType=accounting_storage/none\n');
  expect(text).not.toContain('AccountingStorageHost');
});

test('nodes may hold several types, GPUs without a type, shards, or be there in name only', () => {
  const cluster = {
    name: 'odd',
    nodes: [
      {
        name: 'n1',
        gpus: [
          { type: 'a100', count: 2 },
          { type: '1g.5gb', count: 1 },
        ],
      },
      { name: 'n2', gpus: { count: 4 }, shards: 16 },
      { name: 'n3', state: 'CLOUD' },
    ],
    partitions: [{ name: 'main', nodes: ['n1', 'n2', 'n3'], state: 'DRAIN' }],
    slurmConf: ['AccountingStorageTRES='],
  } as const;
  const lines = slurmConf(cluster, { ...PLACES, nodePorts: [1, 2, 3] }).split('\n');
  expect(lines).toContain('GresTypes=gpu,shard');
  expect(lines.filter((line) => line.startsWith('AccountingStorageTRES'))).toEqual([]);
  expect(
    lines.filter((line) => /^(Node|Partition)Name=/.test(line)).map((line) => line.replace(/.* RealMemory=\S+ ?/, '')),
  ).toEqual([
    'Gres=gpu:a100:2,gpu:1g.5gb:1',
    'Gres=gpu:4,shard:16',
    'State=CLOUD',
    'PartitionName=main Nodes=n1,n2,n3 MaxTime=UNLIMITED Default=YES State=DRAIN',
  ]);
  expect(gresConf(cluster, '/g').split('\n').slice(1, -1)).toEqual([
    'NodeName=n1 Name=gpu Type=a100 File=/g/gpu[0-1]',
    'NodeName=n1 Name=gpu Type=1g.5gb File=/g/gpu[2-2]',
    'NodeName=n2 Name=gpu File=/g/gpu[0-3]',
    'NodeName=n2 Name=shard Count=16',
  ]);
});
