import { describe, expect, it } from 'vitest';
import { describeOutcome, describeResources } from './job-text.ts';

const nothing = {
  ...{ nodes: null, tasks: null, cpusPerTask: null, memoryMb: null },
  ...{ gpus: null, gpusTotal: null, gpusPerTask: null, gpuType: null },
};

describe('describeResources', () => {
  it.each([
    [{ ...nothing, gpus: 4, gpuType: 'a100', cpusPerTask: 8 }, '4 × a100'],
    [{ ...nothing, gpus: 8, nodes: 2 }, '8 × GPU · 2 nodes'],
    [{ ...nothing, gpusTotal: 6, gpuType: 'a100' }, '6 × a100 in total'],
    [{ ...nothing, gpusPerTask: 1, tasks: 4 }, '1 × GPU per task'],
    [{ ...nothing, cpusPerTask: 2, memoryMb: 0 }, '2 CPUs'],
    [{ ...nothing, cpusPerTask: 8, memoryMb: 32_768 }, '8 CPUs · 32 GB'],
    [{ ...nothing, tasks: 4, cpusPerTask: 2 }, '8 CPUs'],
    [{ ...nothing, cpusPerTask: 1, nodes: 1 }, '1 CPU'],
    [nothing, ''],
  ])('tells the scarcest first (%#)', (resources, text) => {
    expect(describeResources({ resources, allocated: null, nodeList: null })).toBe(text);
  });

  const asked = { ...nothing, gpus: 4, gpuType: 'a100', nodes: 2, cpusPerTask: 2, memoryMb: 1024 };
  const given = { cpus: 8, memoryMb: 32_768, gpus: [{ gpuType: 'a100', count: 8 }] };
  it.each([
    ['GPUs and nodes', given, 'gpu[01-03]', '8 × a100 · 3 nodes'],
    ['fewer nodes', given, 'gpu01', '8 × a100'],
    [
      'GPUs of several types',
      { ...given, gpus: [...given.gpus, { gpuType: '', count: 1 }] },
      'gpu01',
      '8 × a100, 1 × GPU',
    ],
    ['no GPUs', { ...given, gpus: [] }, 'gpu01', '8 CPUs · 32 GB'],
    ['GPUs that it does not count', { ...given, gpus: null }, 'gpu01', '4 × a100'],
    ['what it does not tell', { cpus: null, memoryMb: null, gpus: [] }, null, '2 nodes · 2 CPUs · 1 GB'],
    ['nodes that can not be read', given, 'n[1-', '8 × a100 · 2 nodes'],
  ])('tells what Slurm gave, where it did: %s', (_what, allocated, nodeList, text) => {
    expect(describeResources({ resources: asked, allocated, nodeList })).toBe(text);
  });
});

describe('describeOutcome', () => {
  it('says nothing of a plain success', () => {
    expect(describeOutcome({ reason: null, exitCode: 0, signal: null })).toBe('');
  });

  it('takes the reason None for what it is: not looked at yet', () => {
    expect(describeOutcome({ reason: 'None', exitCode: null, signal: null })).toBe('');
  });

  it('tells exit code, signal and reason', () => {
    expect(describeOutcome({ reason: 'NonZeroExitCode', exitCode: 2, signal: null })).toBe('exit 2 · NonZeroExitCode');
    expect(describeOutcome({ reason: null, exitCode: null, signal: 9 })).toBe('signal 9');
  });
});
