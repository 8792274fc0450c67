import { describe, expect, it } from 'vitest';
import type { JobRow } from '../../graphql/job-row.ts';
import { compareJobs, includesJob, nextSort, readFilter, toVariables } from './filter.ts';

const job: JobRow = {
  id: '1',
  name: 'Train ViT',
  slurmJobId: '4811',
  state: 'RUNNING',
  isActive: true,
  isArchived: false,
  actions: [],
  reason: null,
  exitCode: null,
  signal: null,
  command: 'python train.py --lr 0.1',
  gitCommit: '3f9c2d81',
  partition: 'gpu',
  nodeList: null,
  submittedAt: '2026-01-01T00:00:00Z',
  startedAt: null,
  endedAt: null,
  arrayTaskId: null,
  tags: ['Baseline', 'for the paper'],
  number: 1,
  project: { id: 'P1', name: 'vision' },
  cluster: { id: 'C1', name: 'alpha' },
  resources: {
    ...{ nodes: null, tasks: null, cpusPerTask: null, memoryMb: null, array: null },
    ...{ gpus: null, gpusTotal: null, gpusPerTask: null, gpuType: null },
  },
  allocated: null,
  taskCounts: [],
  arrayParent: null,
};

describe('the address', () => {
  it('means the plain list when it says nothing, or nonsense', () => {
    const plain = {
      search: '',
      group: 'all',
      cluster: '',
      project: '',
      tags: [],
      sort: 'submitted',
      isDescending: true,
    };
    expect(readFilter({})).toEqual(plain);
    expect(readFilter({ state: 'sideways', sort: '-colour' })).toEqual(plain);
  });

  it('holds an order only where it is not the usual one', () => {
    expect(nextSort(readFilter({}), 'name')).toBe('name');
    expect(nextSort(readFilter({ sort: 'name' }), 'name')).toBe('-name');
    expect(nextSort(readFilter({ sort: 'name' }), 'submitted')).toBeUndefined();
    expect(nextSort(readFilter({}), 'submitted')).toBe('submitted');
  });
});

describe('a section', () => {
  const all = readFilter({});

  it.each([
    ['an active job', job, 'active', true],
    ['an active job among the finished', job, 'finished', false],
    ['a task, for its array is one row', { ...job, arrayTaskId: 3 }, 'active', false],
    ['an archived job', { ...job, isArchived: true }, 'active', false],
  ] as const)('knows whether it holds %s', (_, candidate, section, isIncluded) => {
    expect(includesJob(all, section, candidate)).toBe(isIncluded);
  });

  it('holds archived jobs only where they are asked for, and then no others', () => {
    const archived = readFilter({ state: 'archived' });
    expect(includesJob(archived, 'active', { ...job, isArchived: true })).toBe(true);
    expect(includesJob(archived, 'active', job)).toBe(false);
    expect(toVariables(archived, 'active').filter).toEqual({ isActive: true, isArchived: true });
  });

  it.each([
    ['vit 4811', true],
    ['VISION train.py', true],
    ['3f9c', true],
    ['vit 9999', false],
  ])('searches as the server does: %s', (q, isIncluded) => {
    expect(includesJob(readFilter({ q }), 'active', job)).toBe(isIncluded);
  });

  it.each<[string | string[], boolean]>([
    ['Baseline', true],
    [['for the paper', 'Baseline'], true],
    ['baseline', false],
    [['Baseline', 'other'], false],
  ])('holds jobs that have all tags: %s', (tag, isIncluded) => {
    expect(includesJob(readFilter({ tag }), 'active', job)).toBe(isIncluded);
  });

  it('holds failures of every kind in the group of the failed', () => {
    const failed = readFilter({ state: 'failed' });
    const ended = (state: JobRow['state']): JobRow => ({ ...job, state, isActive: false });
    expect(includesJob(failed, 'finished', ended('OUT_OF_MEMORY'))).toBe(true);
    expect(includesJob(failed, 'finished', ended('COMPLETED'))).toBe(false);
    expect(includesJob(failed, 'finished', ended('CANCELLED'))).toBe(false);
  });

  it('asks the server for the same jobs, and for no more than is filtered by', () => {
    expect(toVariables(readFilter({}), 'active')).toEqual({
      filter: { isActive: true },
      orderBy: { field: 'SUBMITTED_AT', direction: 'DESC' },
    });
    expect(toVariables(readFilter({ q: 'vit', cluster: 'alpha', project: 'P1', sort: 'name' }), 'finished')).toEqual({
      filter: { isActive: false, search: 'vit', clusters: ['alpha'], projects: ['P1'] },
      orderBy: { field: 'NAME', direction: 'ASC' },
    });
  });
});

describe('the order', () => {
  const earlier = { ...job, id: '1', name: 'b', startedAt: '2026-01-01T00:00:00Z', endedAt: '2026-01-01T01:00:00Z' };
  const later = { ...job, id: '2', name: 'a', submittedAt: '2026-01-02T00:00:00Z' };

  it.each([
    ['-submitted', ['2', '1']],
    ['submitted', ['1', '2']],
    ['name', ['2', '1']],
    ['-elapsed', ['1', '2']],
    ['elapsed', ['2', '1']],
  ])('is by %s', (sort, ids) => {
    const filter = readFilter({ sort });
    expect([earlier, later].toSorted((left, right) => compareJobs(filter, left, right)).map(({ id }) => id)).toEqual(
      ids,
    );
  });
});
