import { describe, expect, it } from 'vitest';
import type { GpuRequestStyle } from '../domain/cluster.ts';
import type { ComponentResources } from '../domain/component.ts';
import { NO_RESOURCES } from '../domain/testing.ts';
import { constraintConflict, optionConflicts } from './option-conflicts.ts';

function conflicts(extraOptions: readonly string[], resources: Partial<ComponentResources> = {}) {
  return optionConflicts({ partition: null, resources: { ...NO_RESOURCES, ...resources }, extraOptions });
}

describe('parts of a request that undo each other', () => {
  it.each<[readonly string[], Partial<ComponentResources>]>([
    [['--mem-per-cpu=4G'], { memoryMb: 1000 }],
    [['--mem-per-gpu=4G'], { memoryMb: 0 }],
    [['--mem-per-cpu=4G', '--mem-per-gpu=4G'], {}],
    [['--cpus-per-gpu=4'], { cpusPerTask: 2 }],
    [['--tres-per-task=cpu=4'], { cpusPerTask: 2 }],
    [['--tres-per-task=cpu:4', '--cpus-per-gpu=2'], {}],
    [['--ntasks-per-gpu=1'], { gpusPerTask: 2 }],
    [['--ntasks-per-gpu=1'], { gpusTotal: 2, tasks: 4 }],
    [['--ntasks-per-tres=1'], { gpus: 2, tasks: 4 }],
    [['--exclusive', '--oversubscribe'], {}],
    [['--core-spec=1', '--thread-spec=1'], {}],
    [['--requeue', '--no-requeue'], {}],
    [['--nodelist=a', '--nodefile=f'], {}],
    [['--spread-job', '--use-min-nodes'], {}],
    [['--hint=nomultithread', '--threads-per-core=2'], {}],
    [['--extra-node-info=1', '--sockets-per-node=2'], {}],
    [['--constraint=a', '--constraint=b'], {}],
    [['--exclusive', '--exclusive=user'], {}],
    [['--ntasks-per-node=2', '--tasks-per-node=4'], {}],
    [['--exclude=a', '--exclude=b'], {}],
    [['--gres=nvme:1', '--gres=nvme:2'], {}],
    [['--gres=nvme:1,nvme:2'], {}],
    [['--gres=none'], { gpus: 1 }],
    [['--gres=NONE'], { gpusTotal: 1 }],
    [['--gres=nvme:1', '--gres=none'], {}],
  ])('%j beside %j', (extraOptions, resources) => {
    expect(conflicts(extraOptions, resources)).toEqual([{ field: 'extraOptions', message: expect.any(String) }]);
  });

  it.each<Partial<ComponentResources>>([
    { gpus: 1, gpusTotal: 4 },
    { gpusTotal: 4, gpusPerTask: 1 },
    { gpus: 0, gpusPerTask: 1 },
    { gpuType: 'a100' },
    { gpuType: 'a100', gpus: 0 },
  ])('%j', (resources) => {
    expect(conflicts([], resources)).toMatchObject([{ field: 'gpus' }]);
  });

  it.each<[readonly string[], Partial<ComponentResources>]>([
    [['--gres=nvme:1', '--gres=tmp:2'], { gpus: 2 }],
    [['--gres=none'], {}],
    [['--mem-per-cpu=4G', '--exclusive', '--exclude=a', '--constraint=b'], { gpusTotal: 2 }],
    [['--ntasks-per-gpu=2'], { gpusTotal: 4, gpuType: 'a100' }],
    [['--ntasks-per-node=2'], { tasks: 4, gpusPerTask: 1 }],
    // A plug-in's may be meant to stand several times.
    [['--container-mounts=/a:/a', '--container-mounts=/b:/b'], {}],
  ])('are none in %j beside %j', (extraOptions, resources) => {
    expect(conflicts(extraOptions, resources)).toEqual([]);
  });
});

describe('a constraint beside a GPU type that is one', () => {
  const asked = (constraint: string) => ({
    partition: null,
    resources: { ...NO_RESOURCES, gpus: 1, gpuType: 'a100' },
    extraOptions: [`--constraint=${constraint}`],
  });

  it('is joined where both hold', () => {
    expect(constraintConflict(asked('ib&avx512'), 'constraint')).toBeNull();
    expect(constraintConflict(asked('ib|eth'), 'gres')).toBeNull();
  });

  it.each(['ib|eth', '[rack1|rack2]', 'ib*2', '(ib&eth)|x', 'ib,eth'])('is refused where it says more: %j', (text) => {
    expect(constraintConflict(asked(text), 'constraint')).toContain('omit gpuType');
  });
});

describe('what is preferred beside what is needed', () => {
  const conflict = (extraOptions: readonly string[], gpuType: string | null, style: GpuRequestStyle = 'constraint') =>
    constraintConflict(
      { partition: null, resources: { ...NO_RESOURCES, gpus: gpuType === null ? null : 1, gpuType }, extraOptions },
      style,
    );

  it.each<[readonly string[], string | null, readonly string[]]>([
    [['--prefer=v100'], 'a100', ['gpuType a100']],
    [['--prefer=ib&v100'], 'a100', ['gpuType a100']],
    [['--prefer=a100|v100'], 'a100', ['gpuType a100']],
    [['--prefer=a100', '--constraint=ib'], 'a100', ['gpuType a100', '--constraint=ib']],
    [['--prefer=ib', '--constraint=a100'], null, ['--constraint=a100']],
    [['--constraint=a100|h100', '--prefer=a100'], null, ['--constraint=a100|h100']],
    [['--constraint=a&b', '--prefer=a'], null, ['--constraint=a&b']],
  ])('%j with GPU type %j is refused, by the names of both', (extraOptions, gpuType, names) => {
    const message = conflict(extraOptions, gpuType);
    for (const name of [...names, '--prefer=']) expect(message).toContain(name);
  });

  it.each<[readonly string[], string | null]>([
    [['--prefer=ib'], null],
    [['--prefer=a100'], 'a100'],
    [['--prefer=ib&a100'], 'a100'],
    [['--prefer=ib&b&a', '--constraint=a&b'], null],
    [['--prefer=a|b', '--constraint=a|b'], null],
    [['--prefer=ib&a100&x', '--constraint=x'], 'a100'],
  ])('%j with GPU type %j is taken, as all that is needed is preferred', (extraOptions, gpuType) => {
    expect(conflict(extraOptions, gpuType)).toBeNull();
  });

  it('is taken where a GPU type is no constraint', () => {
    expect(conflict(['--prefer=v100'], 'a100', 'gres')).toBeNull();
    expect(conflict(['--prefer=v100'], 'a100', 'gpus')).toBeNull();
  });
});
