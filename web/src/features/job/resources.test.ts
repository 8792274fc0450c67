import { expect, it } from 'vitest';
import { resourceFacts } from './resources.ts';

const NOTHING = {
  nodes: null,
  maxNodes: null,
  tasks: null,
  cpusPerTask: null,
  memoryMb: null,
  gpus: null,
  gpusTotal: null,
  gpusPerTask: null,
  gpuType: null,
  timeLimitMinutes: null,
  account: null,
  qos: null,
  array: null,
};
const GIVEN = {
  cpus: 16,
  memoryMb: 131_072,
  gpus: [{ gpuType: 'a100', count: 4 }],
  nodes: ['n1', 'n2'],
  timeLimitMinutes: 480,
};

function told(...[asked, given]: Parameters<typeof resourceFacts>): readonly string[] {
  return resourceFacts(asked, given).map((fact) => `${fact.label}: ${fact.asked} / ${fact.given}`);
}

it('what was asked for stands beside what was given', () => {
  const asked = {
    ...NOTHING,
    gpus: 2,
    gpuType: 'a100',
    nodes: 1,
    maxNodes: 4,
    memoryMb: 65_536,
    timeLimitMinutes: 600,
  };
  expect(told(asked, GIVEN)).toEqual([
    'GPUs: 2 × a100 per node / 4 × a100',
    'Nodes: 1 to 4 / 2',
    'CPUs: null / 16',
    'Memory: 64 GB per node / 128 GB',
    'Time limit: 10 h / 8 h',
  ]);
});

it('a job that has not run has what was asked for alone, and what was not asked for is left out', () => {
  expect(told({ ...NOTHING, tasks: 2, gpus: 0 }, null)).toEqual(['GPUs: none / null', 'Tasks: 2 / null']);
});

it('a job that asked for nothing shows what it got; what is unlimited or unknown is told as such', () => {
  expect(told(NOTHING, { ...GIVEN, gpus: [], memoryMb: null, timeLimitMinutes: null })).toEqual([
    'GPUs: null / none',
    'Nodes: null / 2',
    'CPUs: null / 16',
    'Time limit: null / none',
  ]);
  expect(told(NOTHING, { ...GIVEN, gpus: null, cpus: null, nodes: [] })).toContain('Memory: null / 128 GB');
});

it('what was given just as it was asked for is said once', () => {
  expect(told({ ...NOTHING, nodes: 2, gpus: 0, timeLimitMinutes: 480 }, { ...GIVEN, gpus: [] })).toEqual([
    'GPUs: none / null',
    'Nodes: 2 / null',
    'CPUs: null / 16',
    'Memory: null / 128 GB',
    'Time limit: 8 h / null',
  ]);
});
