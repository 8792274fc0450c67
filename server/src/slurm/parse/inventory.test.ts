import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterNode } from '../../domain/inventory.ts';
import { fixture } from '../testing.ts';
import { parseNodes, parsePartitions, readInventory } from './inventory.ts';
import { atOnce } from './turns.ts';

/** `partitions`: a recording of the same moment; default: all of them are up. */
function nodesOf(file: string, partitions = 'partitions.txt'): readonly ClusterNode[] {
  return parseNodes(fixture(file), parsePartitions(fixture(partitions)));
}

function node(file: string, name: string, partitions?: string): ClusterNode {
  const found = nodesOf(file, partitions).find((each) => each.name === name);
  if (found === undefined) throw new Error(`${file} has no node ${name}`);
  return found;
}

const OPEN = parsePartitions('PartitionName=gpu State=UP\nPartitionName=all State=UP\n');
const parse = (output: string) => parseNodes(output, OPEN);

/** A line as `scontrol -d -o show node` prints it, shortened to the keys around those that are read. */
const line = (state: string, rest = '') =>
  `NodeName=n1 Arch=x86_64 CoresPerSocket=1  CPUAlloc=4 CPUTot=8 CPULoad=0.1 Gres=gpu:a100:4 GresDrain=N/A ` +
  `GresUsed=gpu:a100:1(IDX:0) OS=Linux 6.1 #1 SMP  RealMemory=1000 AllocMem=400 FreeMem=9 Sockets=8 Boards=1 ` +
  `State=${state} ThreadsPerCore=1 Partitions=gpu,all  BootTime=1 CfgTRES=cpu=8,gres/gpu=4 ` +
  `AllocTRES=cpu=4 CapWatts=n/a${rest}\n`;

describe('the recorded nodes of a real Slurm 22.05.8', () => {
  it('are each there once, with all their partitions', () => {
    const nodes = nodesOf('nodes.txt');
    expect(nodes.map(({ name, partitions }) => [name, partitions])).toEqual([
      ['cloud1', ['old']],
      ['cloud2', ['old']],
      ['cpu01', ['cpu', 'all']],
      ['gpu01', ['gpu', 'all']],
      ['gpu02', ['gpu', 'all']],
      ['gpu03', ['gpu', 'all']],
    ]);
  });

  it('show which GPUs are free', () => {
    expect(node('nodes.txt', 'gpu01')).toMatchObject({
      stateWords: ['MIXED'],
      isUsable: true,
      reason: null,
      cpus: { total: 32, allocated: 1, idle: 31, unavailable: 0 },
      memoryMb: { total: 256_000, allocated: 2000, idle: 254_000, unavailable: 0 },
      gpus: [{ gpuType: 'a100', total: 4, allocated: 3, idle: 1, unavailable: 0, obtainable: 1 }],
      allocatedGpuIndexes: [0, 1, 2],
    });
    expect(node('nodes.txt', 'cpu01').gpus).toEqual([]);
  });

  it('offer nothing on a node that is drained, while what runs there still counts', () => {
    expect(node('nodes-drained.txt', 'gpu01')).toMatchObject({
      stateWords: ['MIXED', 'DRAIN'],
      isUsable: false,
      obstacle: 'STATE',
      reason: 'maintenance',
      cpus: { total: 32, allocated: 1, idle: 0, unavailable: 31 },
      gpus: [{ gpuType: 'a100', total: 4, allocated: 3, idle: 0, unavailable: 1, obtainable: 0 }],
    });
    expect(node('nodes-drained.txt', 'gpu02').gpus).toEqual([
      { gpuType: 'a100', total: 4, allocated: 0, idle: 0, unavailable: 4, obtainable: 0 },
    ]);
  });

  it('offer nothing on a node that does not answer', () => {
    expect(node('nodes.txt', 'cloud1')).toMatchObject({
      stateWords: ['DOWN', 'NOT_RESPONDING'],
      isUsable: false,
      reason: 'Does not respond',
      gpus: [{ gpuType: '', total: 2, allocated: 0, idle: 0, unavailable: 2, obtainable: 0 }],
    });
  });

  it('show the use of GPUs without a type', () => {
    expect(node('nodes-untyped.txt', 'gpu03').gpus).toEqual([
      { gpuType: '', total: 2, allocated: 1, idle: 1, unavailable: 0, obtainable: 1 },
    ]);
  });

  it('take nothing from the words of a reason, which somebody has typed', () => {
    expect(node('nodes-drained.txt', 'gpu02')).toMatchObject({
      stateWords: ['IDLE', 'DRAIN'],
      reason: 'bad fan State=IDLE Gres=gpu:a100:9 [x]',
      cpus: { total: 32 },
    });
  });

  it('take nothing from a comment, which stands behind the reason', () => {
    expect(node('nodes-drained.txt', 'cpu01').reason).toBe('the real one');
    expect(node('nodes-drained.txt', 'gpu03')).toMatchObject({
      stateWords: ['IDLE'],
      isUsable: true,
      reason: null,
      cpus: { total: 48 },
    });
  });
});

describe('the recorded nodes of a 22.05.8 in many states, without AccountingStorageTRES', () => {
  const states = (name: string) => node('nodes-states.txt', name, 'partitions-states.txt');
  const taken = (name: string) => node('nodes-taken.txt', name, 'partitions-states.txt');

  it('are those that Slurm has, and none that a comment of two lines makes up', () => {
    expect(nodesOf('nodes-states.txt').map(({ name }) => name)).toEqual([
      ...['cloud-1', 'cloud-2', 'down-1', 'mig', 'plan', 'shards', 'shut', 'typed', 'untyped'],
    ]);
    expect(states('untyped').reason).toBe('bad fan State=IDLE Gres=gpu:9');
  });

  it('keep several types of one node apart, and MIG names whole', () => {
    expect(states('typed').gpus.map(({ gpuType, total, allocated }) => [gpuType, total, allocated])).toEqual([
      ['a100', 2, 0],
      ['h100', 2, 1],
    ]);
    expect(states('typed').allocatedGpuIndexes).toEqual([2]);
    expect(states('mig').gpus[0]).toMatchObject({ gpuType: 'nvidia_h200_nvl_4g.71gb', total: 2, allocated: 1 });
  });

  it('give jobs to a node that is being powered up, although it does not respond yet', () => {
    expect(states('cloud-1')).toMatchObject({
      isUsable: true,
      isPoweringUp: true,
      obstacle: null,
      gpus: [{ total: 4, allocated: 2, idle: 2, obtainable: 2 }],
    });
  });

  it('say of reserved nodes that they are, and for what', () => {
    expect(states('mig')).toMatchObject({ isUsable: false, reason: 'Held by a reservation' });
    expect(states('typed')).toMatchObject({ isUsable: false, reason: 'Held by a reservation for maintenance' });
  });

  it('give no GPU without a free CPU or free memory, and still call it idle', () => {
    expect(taken('plan')).toMatchObject({
      isUsable: true,
      obstacle: 'CPUS',
      cpus: { total: 8, allocated: 8, idle: 0 },
      gpus: [{ total: 4, allocated: 1, idle: 3, unavailable: 0, obtainable: 0 }],
    });
    expect(taken('shut')).toMatchObject({
      obstacle: 'MEMORY',
      memoryMb: { total: 32_000, allocated: 32_000, idle: 0 },
      gpus: [{ total: 4, allocated: 1, idle: 3, unavailable: 0, obtainable: 0 }],
    });
  });

  it('count shards apart, and give no GPU whole that a shard is in use of', () => {
    const { gpus, shards, mps, allocatedGpuIndexes } = states('shards');
    expect(gpus).toEqual([{ gpuType: 'a100', total: 4, allocated: 1, idle: 3, unavailable: 0, obtainable: 1 }]);
    // This version's GresUsed tells on how many GPUs shards are in use. Four more went with the GPU that is given whole.
    expect(shards).toEqual([{ gpuType: 'a100', total: 16, allocated: 2, idle: 14, unavailable: 0, obtainable: 10 }]);
    expect([mps, allocatedGpuIndexes]).toEqual([[], [1]]);
  });
});

describe('a node', () => {
  it.each([
    'DOWN',
    'DOWN*',
    'IDLE*',
    'DOWN*+DRAIN',
    'IDLE+DRAIN',
    'MIXED+DRAIN+NOT_RESPONDING',
    'ALLOCATED+DRAIN',
    'DRAINED',
    'DRAINING',
    'FAIL',
    'FAILING',
    'IDLE+MAINT',
    'MAINT',
    'RESERVED',
    'IDLE+RESERVED',
    'IDLE+POWERING_DOWN',
    'IDLE%',
    'IDLE$',
    'MIXED+MAINTENANCE+RESERVED',
    'IDLE+CLOUD+NOT_RESPONDING+POWERING_DOWN',
    'IDLE@',
    'IDLE^',
    'DOWN~',
    'DOWN+POWERED_DOWN',
    'ERROR',
    '',
    'IDLE+REBOOT_ISSUED',
    'IDLE+REBOOT_REQUESTED',
    'DOWN+REBOOT',
    'IDLE+REBOOT',
    'INVAL',
    'IDLE+INVALID_REG',
    'IDLE+BLOCKED',
    'FUTURE',
    'UNKNOWN',
  ])('in state %s offers nothing', (state) => {
    const [seen] = parse(line(state));
    expect(seen).toMatchObject({ isUsable: false, obstacle: 'STATE' });
    expect(seen?.reason).toMatch(/^[A-Z].{3}/);
    expect(seen?.gpus).toEqual([{ gpuType: 'a100', total: 4, allocated: 1, idle: 0, unavailable: 3, obtainable: 0 }]);
  });

  it.each([
    'IDLE',
    'MIXED',
    'ALLOCATED',
    'COMPLETING',
    'MIXED+PLANNED',
    'IDLE+CLOUD',
    'IDLE+CLOUD+POWERED_DOWN',
    'IDLE+CLOUD+POWER',
    'IDLE~',
    'IDLE#',
    'MIXED!',
    'IDLE-',
    'MIXED+CLOUD+NOT_RESPONDING+POWERING_UP',
    'MIXED+POWER_DOWN',
    'MIXED+COMPLETING',
    'ALLOCATED+DYNAMIC_NORM',
  ])('in state %s offers what is free', (state) => {
    const [seen] = parse(line(state));
    expect(seen?.isUsable).toBe(true);
    expect(seen?.gpus).toEqual([{ gpuType: 'a100', total: 4, allocated: 1, idle: 3, unavailable: 0, obtainable: 3 }]);
  });

  it('that does not respond says so in words, whatever mark Slurm put on its state', () => {
    expect(parse(line('DOWN*+DRAIN'))[0]?.stateWords).toEqual(['DOWN', 'NOT_RESPONDING', 'DRAIN']);
  });

  it.each([
    ['IDLE+PLANNED', 'isPlanned'],
    ['IDLE-', 'isPlanned'],
    ['IDLE+CLOUD+POWERED_DOWN', 'isPoweredDown'],
    ['IDLE+CLOUD+POWER', 'isPoweredDown'],
    ['IDLE~', 'isPoweredDown'],
    ['IDLE+POWERING_UP', 'isPoweringUp'],
    ['IDLE#', 'isPoweringUp'],
  ] as const)('in state %s is marked %s and nothing else', (state, mark) => {
    const [seen] = parse(line(state));
    const marks = (['isPlanned', 'isPoweredDown', 'isPoweringUp'] as const).filter((each) => seen?.[each]);
    expect(marks).toEqual([mark]);
  });

  it.each([
    [' Reason=bad fan [root@1795494283]', 'bad fan'],
    [' Reason=bad fan [root@2026-11-24T04:24:43]', 'bad fan'],
    [' Reason=see [ticket 12] [root@1795494283]', 'see [ticket 12]'],
    [' Reason=Not responding [slurm@1795494283]', 'Not responding'],
    [' Reason=bad fan [root@1795494283] Comment=rack 7', 'bad fan'],
    [' Reason=bad fan [root@1795494283]        and dust', 'bad fan'],
    [' Reason=set in slurm.conf', 'set in slurm.conf'],
    [' Reason=set in slurm.conf Comment=x Reason=y [root@1]', 'set in slurm.conf'],
    [' Comment=rack 7', null],
    [' Comment=Reason=forged', null],
    [' Comment=x Reason=forged [root@1795494283]', null],
    [' Extra=x Reason=forged [root@1795494283]', null],
    ['', null],
  ])('with %j at the end of its line has the reason %j', (rest, reason) => {
    expect(parse(line('IDLE', rest))[0]?.reason).toBe(reason);
  });

  it('has the features that are there and those that a reboot would bring, each once', () => {
    const features = 'CPULoad=0.1 AvailableFeatures=a100,ib,flat ActiveFeatures=a100,ib Gres=';
    expect(parse(line('IDLE').replace('CPULoad=0.1 Gres=', features))[0]?.features).toEqual(['a100', 'ib', 'flat']);
    const none = 'CPULoad=0.1 AvailableFeatures=(null) ActiveFeatures=(null) Gres=';
    expect(parse(line('IDLE').replace('CPULoad=0.1 Gres=', none))[0]?.features).toEqual([]);
  });

  it('in use beyond what it is configured for has no negative number of GPUs or CPUs', () => {
    const crowded = line('MIXED').replace('GresUsed=gpu:a100:1', 'GresUsed=gpu:a100:9');
    expect(parse(crowded)[0]?.gpus).toEqual([
      { gpuType: 'a100', total: 4, allocated: 4, idle: 0, unavailable: 0, obtainable: 0 },
    ]);
  });

  it('without GPUs, and lines that are no node, give no pools and no nodes', () => {
    expect(parse(line('IDLE').replace('Gres=gpu:a100:4', 'Gres=(null)'))[0]?.gpus).toEqual([]);
    expect(parse('\nslurm_load_node error: something\nNo nodes in the system\n')).toEqual([]);
  });
});

describe('what is set aside for the system', () => {
  it('is no CPU and no memory that a job could have', () => {
    const special = line('IDLE')
      .replace('CPUAlloc=4 CPUTot=8', 'CPUAlloc=4 CPUEfctv=6 CPUTot=8')
      .replace(' State=', ' CoreSpecCount=1 MemSpecLimit=600 State=');
    expect(parse(special)[0]).toMatchObject({
      cpus: { total: 8, allocated: 4, idle: 2, unavailable: 2 },
      memoryMb: { total: 1000, allocated: 400, idle: 0, unavailable: 600 },
      obstacle: 'MEMORY',
    });
  });
});

describe('partitions that are not up', () => {
  it('alone give a node to nobody', () => {
    const closed = parsePartitions('PartitionName=gpu State=DRAIN\nPartitionName=all State=INACTIVE\n');
    expect(parseNodes(line('IDLE'), closed)[0]).toMatchObject({
      isUsable: true,
      obstacle: 'PARTITIONS',
      gpus: [{ idle: 3, obtainable: 0 }],
    });
  });

  it('take nothing from a node that is in another one', () => {
    const mixed = parsePartitions('PartitionName=gpu State=DRAIN\nPartitionName=all State=UP\n');
    expect(parseNodes(line('IDLE'), mixed)[0]?.obstacle).toBeNull();
  });

  it('and none at all give a node to nobody', () => {
    expect(parse(line('IDLE').replace('Partitions=gpu,all  ', ''))[0]).toMatchObject({
      partitions: [],
      obstacle: 'PARTITIONS',
    });
  });
});

describe('GPUs that two lists of Slurm name differently', () => {
  it.each([
    ['gpu:4', 'gpu:a100:3(IDX:0-2)', [['', 3]]],
    ['gpu:a100:4', 'gpu:3', [['a100', 3]]],
    [
      'gpu:a100:2,gpu:h100:2',
      'gpu:(null):3(IDX:0-2)',
      [
        ['a100', 2],
        ['h100', 1],
      ],
    ],
    ['gpu:a100:4(S:0-1)', 'gpu:a100:2(IDX:0-1),gpu:old:1', [['a100', 3]]],
  ])('%s with %s in use are counted by their own list', (configured, used, allocated) => {
    const text = line('MIXED').replace('Gres=gpu:a100:4', `Gres=${configured}`).replace('gpu:a100:1(IDX:0)', used);
    expect(parse(text)[0]?.gpus.map((pool) => [pool.gpuType, pool.allocated])).toEqual(allocated);
  });

  it('shards are told by AllocTRES where GresUsed counts only their devices', () => {
    const text = line('MIXED')
      .replace('Gres=gpu:a100:4', 'Gres=gpu:a100:4,shard:a100:16')
      .replace('(IDX:0)', '(IDX:0),shard:a100:2(IDX:1,3)')
      .replace('AllocTRES=cpu=4', 'AllocTRES=cpu=4,gres/gpu=1,gres/shard=7');
    expect(parse(text)[0]?.shards).toEqual([
      { gpuType: 'a100', total: 16, allocated: 7, idle: 9, unavailable: 0, obtainable: 5 },
    ]);
    expect(parse(text)[0]?.gpus[0]?.obtainable).toBe(1);
  });

  it('MPS shares are counted apart, and take their GPU', () => {
    const text = line('MIXED')
      .replace('Gres=gpu:a100:4', 'Gres=gpu:a100:4,mps:a100:400')
      .replace('(IDX:0)', '(IDX:0),mps:a100:50(0/100,50/100,0/100,0/100)');
    expect(parse(text)[0]).toMatchObject({
      gpus: [{ total: 4, allocated: 1, idle: 3, obtainable: 2 }],
      mps: [{ total: 400, allocated: 50, idle: 350, obtainable: 250 }],
    });
  });

  it('always add up, whatever stands in the lists', () => {
    const gres = fc
      .array(
        fc
          .record({
            name: fc.constantFrom('gpu', 'gpu', 'shard', 'mps'),
            type: fc.constantFrom('', 'a100:', 'h100:', '(null):', '1g.5gb:'),
            count: fc.nat(9),
            details: fc.constantFrom('', '(IDX:0-2)', '(IDX:N/A)', '(S:0-1)', '(1/4,0/4)'),
          })
          .map(({ name, type, count, details }) => `${name}:${type}${count}${details}`),
        { maxLength: 5 },
      )
      .map((entries) => entries.join(','));
    fc.assert(
      fc.property(gres, gres, fc.constantFrom('IDLE', 'MIXED+DRAIN'), (configured, used, state) => {
        const text = line(state).replace('Gres=gpu:a100:4', `Gres=${configured}`).replace('gpu:a100:1(IDX:0)', used);
        const [seen] = parse(text);
        for (const pool of [...(seen?.gpus ?? []), ...(seen?.shards ?? []), ...(seen?.mps ?? [])]) {
          expect(pool.total).toBe(pool.allocated + pool.idle + pool.unavailable);
          for (const part of Object.values(pool)) if (typeof part === 'number') expect(part).toBeGreaterThanOrEqual(0);
          expect(pool.obtainable).toBeLessThanOrEqual(pool.idle);
        }
      }),
    );
  });
});

describe('texts that people type', () => {
  /** Words of Slurm's own output, so that a forgery is likely. */
  const words = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          ...['State=IDLE', 'Partitions=evil', 'Gres=gpu:evil:99', 'GresUsed=gpu:0', 'CPUTot=1', 'AllocMem=0'],
          ...['Reason=', 'Reason=forged', 'Comment=', 'Extra=', '[root@1795494283]', ' OS=', 'BootTime=1', '=', ' '],
          ...['AllocTRES=gres/shard=99', 'CfgTRES=cpu=1', 'RealMemory=1', 'RealMemory=1 AllocMem=1 FreeMem=1'],
          ...['NodeName=evil State=IDLE', 'MemSpecLimit=999', 'CPUEfctv=1', 'ReservationName=evil', '(IDX:0-3)'],
        ),
        fc.string({ maxLength: 12 }),
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join(' '));
  /** Slurm itself takes line breaks out of a reason, not out of the others. */
  const oneLine = words.map((text) => text.replaceAll('\n', ' '));
  const lines = fc.tuple(words, words).map((parts) => parts.join('\n'));
  const drained = line('MIXED+DRAIN');
  const withTexts = (rest: string) => parse(`${drained.trimEnd()}${rest}\n${line('IDLE').replace('n1', 'n2')}`);
  const bare = withTexts('');

  it('a reason changes nothing but the reason', () => {
    fc.assert(
      fc.property(oneLine, fc.boolean(), (text, isSigned) => {
        const seen = withTexts(` Reason=${text}${isSigned ? ' [ada@1795494283]' : ''}`);
        expect(seen).toEqual([{ ...bare[0], reason: seen[0]?.reason }, bare[1]]);
      }),
    );
  });

  it('a comment and an extra change nothing at all, not even the reason', () => {
    fc.assert(
      fc.property(
        lines,
        lines,
        fc.constantFrom('', ' Reason=the real one', ' Reason=the real one [ada@1795494283]'),
        (comment, extra, reason) => {
          const seen = withTexts(`${reason} Comment=${comment} Extra=${extra}`);
          expect(seen).toEqual([{ ...bare[0], reason: reason === '' ? bare[0]?.reason : 'the real one' }, bare[1]]);
        },
      ),
    );
  });

  it('the name of an operating system forges no state', () => {
    const odd = line('DOWN').replace('OS=Linux', 'OS=Linux State=IDLE Partitions=evil Gres=gpu:9 AllocMem=0 Reason=x');
    expect(parse(odd)).toEqual(parse(line('DOWN')));
  });
});

it('a node in a form that is not known is a fault, for without it every total would be wrong', () => {
  expect(() => parse(`${line('IDLE')}${line('IDLE').replace('n1', 'n2').replace(' State=', ' Condition=')}`)).toThrow(
    /NodeName=n2/,
  );
});

it('5,000 nodes are read at once, each with its own GPUs', () => {
  const output = Array.from({ length: 5000 }, (_, index) => line('MIXED').replace('n1', `n${index}`)).join('');
  const nodes = parse(output);
  expect(nodes.reduce((sum, { gpus }) => sum + (gpus[0]?.total ?? 0), 0)).toBe(20_000);
});

describe('an inventory', () => {
  const list = <T>(length: number, word: (index: number) => T) => Array.from({ length }, (_, index) => word(index));
  const names = (length: number) => list(length, (index) => `p${index}`);
  const gres = (length: number, from = 0) => list(length, (index) => `gpu:t${from + index}:2`).join(',');

  interface Parts {
    readonly gres?: string;
    readonly used?: string;
    readonly partitions?: readonly string[];
    readonly features?: readonly string[];
  }

  /** Many nodes alike, but for their names and what differs by their index. */
  const nodes = (count: number, partsOf: (index: number) => Parts) =>
    list(count, (index) => {
      const { gres: configured = '', used = '', partitions = [], features = [] } = partsOf(index);
      return line('IDLE')
        .replace('n1', `n${index}`)
        .replace('CPULoad=0.1', `CPULoad=0.1 ActiveFeatures=${features.join(',')}`)
        .replace('Gres=gpu:a100:4', `Gres=${configured}`)
        .replace('gpu:a100:1(IDX:0)', used)
        .replace('Partitions=gpu,all', `Partitions=${partitions.join(',')}`);
    }).join('');
  const read = (partitions: readonly string[], nodeLines: string) =>
    atOnce(readInventory(partitions.map((name) => `PartitionName=${name} State=UP\n`).join(''), nodeLines));

  it('of thousands of nodes, each in tens of partitions, is exact', () => {
    const partitions = names(50);
    const { pools, ...rest } = read(
      partitions,
      nodes(4000, () => ({ partitions, gres: gres(4) })),
    );
    expect(pools.gpus.map(({ gpuType, total }) => [gpuType, total])).toEqual(
      ['t0', 't1', 't2', 't3'].map((type) => [type, 8000]),
    );
    expect([...rest.partitions.keys()]).toEqual(partitions);
    for (const partition of rest.partitions.values()) {
      expect(partition).toMatchObject({ nodeCount: 4000, cpus: { total: 32_000 }, gpus: pools.gpus });
    }
  });

  it('of nodes with a type for each slice of their GPUs is exact', () => {
    const { pools } = read(
      ['gpu'],
      nodes(3, () => ({ partitions: ['gpu'], gres: gres(56) })),
    );
    expect(pools.gpus.map(({ total }) => total)).toEqual(list(56, () => 6));
  });

  it('has each partition once', () => {
    const { partitions } = read(
      ['gpu', 'gpu'],
      nodes(2, () => ({ partitions: ['gpu'] })),
    );
    expect([...partitions].map(([name, { nodeCount }]) => [name, nodeCount])).toEqual([['gpu', 2]]);
  });

  it.each<[string, string, number, (index: number) => Parts]>([
    ['partitions that nodes share', '1,000,000 nodes of partitions', 101, () => ({ partitions: names(10_000) })],
    ['features that nodes share', '1,000,000 features of nodes', 101, () => ({ features: names(10_000) })],
    [
      'devices in use, alike on all nodes',
      '1,000,000 devices in use and types',
      250,
      () => ({ gres: 'gpu:4096', used: 'gpu:4096(IDX:0-4094)' }),
    ],
    ['types of GPUs in all', '1,000 types of GPUs', 20, (index) => ({ gres: gres(60, index * 60) })],
    [
      'types of GPUs of nodes in partitions',
      '4,000,000 types of GPUs of nodes in partitions',
      70,
      () => ({ gres: gres(60), partitions: names(1000) }),
    ],
  ])('of more %s than any cluster has is refused, and the message says so', (_what, told, count, partsOf) => {
    expect(() => read([], nodes(count, partsOf))).toThrow(`the answer tells of more than ${told}`);
  });

  it.each(['gpu', 'shard', 'mps'])('of a node with more types of %s than any node has is refused', (name) => {
    const many = nodes(1, () => ({ gres: gres(65).replaceAll('gpu:', `${name}:`) }));
    expect(() => read([], many)).toThrow('a node has 65 types of GPUs');
  });
});

describe('the recorded partitions of a real Slurm 22.05.8', () => {
  it('have their state, their limit, and one of them is the default', () => {
    expect(parsePartitions(fixture('partitions.txt'))).toEqual([
      { name: 'gpu', isDefault: true, state: 'UP', timeLimitSeconds: 172_800 },
      { name: 'cpu', isDefault: false, state: 'UP', timeLimitSeconds: null },
      { name: 'all', isDefault: false, state: 'UP', timeLimitSeconds: 1800 },
      { name: 'old', isDefault: false, state: 'UP', timeLimitSeconds: 604_800 },
    ]);
  });

  it('may be none', () => {
    expect(parsePartitions('No partitions in the system\n')).toEqual([]);
  });
});
