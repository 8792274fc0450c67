import { describe, expect, it } from 'vitest';
import type { ClusterNode } from '../../domain/inventory.ts';
import { fixture } from '../testing.ts';
import { parseNodes, parsePartitions } from './inventory.ts';

function node(file: string, name: string): ClusterNode {
  const found = parseNodes(fixture(file)).find((each) => each.name === name);
  if (found === undefined) throw new Error(`${file} has no node ${name}`);
  return found;
}

/** A line as `scontrol -d -o show node` prints it, shortened to the keys around those that are read. */
const line = (state: string, rest = '') =>
  `NodeName=n1 Arch=x86_64 CoresPerSocket=1  CPUAlloc=4 CPUTot=8 CPULoad=0.1 Gres=gpu:a100:4 GresDrain=N/A ` +
  `GresUsed=gpu:a100:1(IDX:0) OS=Linux 6.1 #1 SMP RealMemory=1000 State=${state} ThreadsPerCore=1 Partitions=gpu,all  ` +
  `BootTime=1 CfgTRES=cpu=8,gres/gpu=4,gres/gpu:a100=4${rest}\n`;

describe('the recorded nodes of a real Slurm 22.05.8', () => {
  it('are each there once, with all their partitions', () => {
    const nodes = parseNodes(fixture('nodes.txt'));
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
      state: 'MIXED',
      isUsable: true,
      reason: null,
      cpusTotal: 32,
      cpusAllocated: 1,
      gpus: [{ gpuType: 'a100', total: 4, allocated: 3, idle: 1, unavailable: 0 }],
    });
    expect(node('nodes.txt', 'cpu01').gpus).toEqual([]);
  });

  it('offer nothing on a node that is drained, while what runs there still counts', () => {
    expect(node('nodes-drained.txt', 'gpu01')).toMatchObject({
      state: 'MIXED+DRAIN',
      isUsable: false,
      reason: 'maintenance',
      gpus: [{ gpuType: 'a100', total: 4, allocated: 3, idle: 0, unavailable: 1 }],
    });
    expect(node('nodes-drained.txt', 'gpu02').gpus).toEqual([
      { gpuType: 'a100', total: 4, allocated: 0, idle: 0, unavailable: 4 },
    ]);
  });

  it('offer nothing on a node that does not answer', () => {
    expect(node('nodes.txt', 'cloud1')).toMatchObject({
      state: 'DOWN+NOT_RESPONDING',
      isUsable: false,
      gpus: [{ gpuType: '', total: 2, allocated: 0, idle: 0, unavailable: 2 }],
    });
  });

  it('show the use of GPUs without a type', () => {
    expect(node('nodes-untyped.txt', 'gpu03').gpus).toEqual([
      { gpuType: '', total: 2, allocated: 1, idle: 1, unavailable: 0 },
    ]);
  });

  it('take nothing from the words of a reason, which somebody has typed', () => {
    expect(node('nodes-drained.txt', 'gpu02')).toMatchObject({
      state: 'IDLE+DRAIN',
      reason: 'bad fan State=IDLE Gres=gpu:a100:9 [x]',
      cpusTotal: 32,
    });
  });

  it('take nothing from a comment, which stands behind the reason', () => {
    expect(node('nodes-drained.txt', 'cpu01').reason).toBe('the real one');
    expect(node('nodes-drained.txt', 'gpu03')).toMatchObject({
      state: 'IDLE',
      isUsable: true,
      reason: null,
      cpusTotal: 48,
    });
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
    const [seen] = parseNodes(line(state));
    expect(seen?.isUsable).toBe(false);
    expect(seen?.gpus).toEqual([{ gpuType: 'a100', total: 4, allocated: 1, idle: 0, unavailable: 3 }]);
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
  ])('in state %s offers what is free', (state) => {
    const [seen] = parseNodes(line(state));
    expect(seen?.isUsable).toBe(true);
    expect(seen?.gpus).toEqual([{ gpuType: 'a100', total: 4, allocated: 1, idle: 3, unavailable: 0 }]);
  });

  it('that does not respond says so in words, whatever mark Slurm put on its state', () => {
    expect(parseNodes(line('DOWN*+DRAIN'))[0]?.state).toBe('DOWN+NOT_RESPONDING+DRAIN');
  });

  it.each([
    [' Reason=bad fan [root@1795494283]', 'bad fan'],
    [' Reason=bad fan [root@2026-11-24T04:24:43]', 'bad fan'],
    [' Reason=see [ticket 12] [root@1795494283]', 'see [ticket 12]'],
    [' Reason=Not responding [slurm@1795494283]', 'Not responding'],
    [' Reason=bad fan [root@1795494283] Comment=rack 7', 'bad fan'],
    [' Comment=rack 7', null],
    [' Comment=Reason=forged', null],
    ['', null],
  ])('with %j at the end of its line has the reason %j', (rest, reason) => {
    expect(parseNodes(line('IDLE+DRAIN', rest))[0]?.reason).toBe(reason);
  });

  it('in use beyond what it is configured for has no negative number of GPUs or CPUs', () => {
    const crowded = line('MIXED').replace('GresUsed=gpu:a100:1', 'GresUsed=gpu:a100:9');
    expect(parseNodes(crowded)[0]?.gpus).toEqual([
      { gpuType: 'a100', total: 4, allocated: 4, idle: 0, unavailable: 0 },
    ]);
  });

  it('without GPUs, and lines that are no node, give no pools and no nodes', () => {
    expect(parseNodes(line('IDLE').replace('Gres=gpu:a100:4', 'Gres=(null)'))[0]?.gpus).toEqual([]);
    expect(parseNodes('\nslurm_load_node error: something\nNo nodes in the system\n')).toEqual([]);
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
