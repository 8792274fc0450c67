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
    expect(describeResources(resources)).toBe(text);
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
