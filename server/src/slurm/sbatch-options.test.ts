import { describe, expect, it } from 'vitest';
import { NO_RESOURCES } from '../domain/testing.ts';
import { MAX_OPTIONS_BYTES, optionsSize, type SubmitRequest, sbatchOptions } from './sbatch-options.ts';
import { quoteAll } from './shell.ts';

const REQUEST: SubmitRequest = {
  slurmName: 'train.01K00000000000000000000042',
  workDir: '/home/ada/slurmql/jobs/01K00000000000000000000042',
  partition: null,
  resources: NO_RESOURCES,
  dependsOn: [],
  isSingleton: false,
  extraOptions: [],
  components: [],
};

describe("sbatch's options", () => {
  it('say nothing that nobody asked for', () => {
    expect(sbatchOptions(REQUEST, 'gres')).toEqual([
      '--parsable',
      '--job-name=train.01K00000000000000000000042',
      '--chdir=/home/ada/slurmql/jobs/01K00000000000000000000042/source',
      '--output=/home/ada/slurmql/jobs/01K00000000000000000000042/stdout.log',
      '--error=/home/ada/slurmql/jobs/01K00000000000000000000042/stderr.log',
      '--open-mode=append',
      '--ignore-pbs',
    ]);
  });

  it('carry every resource under its name', () => {
    const resources = {
      ...NO_RESOURCES,
      nodes: 2,
      tasks: 4,
      cpusPerTask: 8,
      memoryMb: 64_000,
      timeLimitMinutes: 90,
      account: 'ml',
      qos: 'high',
    };
    expect(sbatchOptions({ ...REQUEST, partition: 'gpu,cpu', resources }, 'gres').slice(7)).toEqual([
      '--time=90',
      '--account=ml',
      '--qos=high',
      '--partition=gpu,cpu',
      '--nodes=2',
      '--ntasks=4',
      '--cpus-per-task=8',
      '--mem=64000M',
    ]);
  });

  it('give each further component what it asks for behind a colon', () => {
    const { timeLimitMinutes, account, qos, array, ...none } = NO_RESOURCES;
    expect([timeLimitMinutes, account, qos, array]).toEqual([null, null, null, null]);
    const options = sbatchOptions(
      {
        ...REQUEST,
        partition: 'cpu',
        resources: { ...NO_RESOURCES, tasks: 1, timeLimitMinutes: 5 },
        extraOptions: ['--exclusive'],
        components: [
          { partition: 'gpu', resources: { ...none, gpus: 2, gpuType: 'a100', tasks: 4 }, extraOptions: ['--hint=x'] },
          { partition: null, resources: none, extraOptions: [] },
        ],
      },
      'gres',
    );
    expect(options.slice(options.indexOf('--time=5'))).toEqual([
      ...['--time=5', '--partition=cpu', '--ntasks=1', '--exclusive'],
      ...[':', '--partition=gpu', '--ntasks=4', '--gres=gpu:a100:2', '--hint=x'],
      ':',
    ]);
  });

  it.each([
    ['gres', 'a100', 2, ['--gres=gpu:a100:2']],
    ['gres', null, 2, ['--gres=gpu:2']],
    ['gpus', 'a100', 2, ['--gpus-per-node=a100:2']],
    ['gpus', null, 2, ['--gpus-per-node=2']],
    ['constraint', 'a100', 2, ['--constraint=a100', '--gres=gpu:2']],
    ['constraint', null, 2, ['--gres=gpu:2']],
    ['gres', null, 0, []],
    ['constraint', 'a100', null, []],
  ] as const)('ask for GPUs the way the cluster wants: %s, %s × %j', (style, gpuType, gpus, options) => {
    expect(sbatchOptions({ ...REQUEST, resources: { ...NO_RESOURCES, gpus, gpuType } }, style).slice(7)).toEqual(
      options,
    );
  });

  it.each([
    ['gres', { gpusTotal: 4 }, ['--gpus=4']],
    ['gres', { gpusTotal: 4, gpuType: 'a100' }, ['--gpus=a100:4']],
    ['gpus', { gpusTotal: 4, gpuType: 'a100' }, ['--gpus=a100:4']],
    ['constraint', { gpusTotal: 4, gpuType: 'a100' }, ['--constraint=a100', '--gpus=4']],
    ['gres', { gpusPerTask: 1, gpuType: 'a100' }, ['--gpus-per-task=a100:1']],
    ['gpus', { gpusPerTask: 1 }, ['--gpus-per-task=1']],
    ['constraint', { gpusPerTask: 1, gpuType: 'a100' }, ['--constraint=a100', '--gpus-per-task=1']],
  ] as const)('ask for GPUs in all and per task, in the way %s: %j', (style, gpus, options) => {
    expect(sbatchOptions({ ...REQUEST, resources: { ...NO_RESOURCES, ...gpus } }, style).slice(7)).toEqual(options);
  });

  it.each([
    ['gres', ['--gres=nvme:100'], ['--gres=gpu:a100:2,nvme:100']],
    ['gres', ['--gres=nvme:100', '--exclusive', '--gres=tmp:1'], ['--gres=gpu:a100:2,nvme:100,tmp:1', '--exclusive']],
    ['gpus', ['--gres=nvme:100'], ['--gres=nvme:100', '--gpus-per-node=a100:2']],
    ['constraint', ['--gres=nvme:100'], ['--constraint=a100', '--gres=gpu:2,nvme:100']],
    ['constraint', ['--constraint=ib'], ['--constraint=a100&ib', '--gres=gpu:2']],
    ['constraint', ['--constraint=ib&a100'], ['--constraint=ib&a100', '--gres=gpu:2']],
    ['gres', ['--constraint=ib|eth'], ['--constraint=ib|eth', '--gres=gpu:a100:2']],
  ] as const)('join what sbatch takes once, in the way %s: %j', (style, extraOptions, options) => {
    const resources = { ...NO_RESOURCES, gpus: 2, gpuType: 'a100' };
    expect(sbatchOptions({ ...REQUEST, resources, extraOptions }, style).slice(7)).toEqual(options);
  });

  it('join it for each component by itself', () => {
    const { timeLimitMinutes, account, qos, array, ...none } = NO_RESOURCES;
    expect([timeLimitMinutes, account, qos, array]).toEqual([null, null, null, null]);
    const component = { partition: null, resources: { ...none, gpus: 1 }, extraOptions: ['--gres=nvme:7'] };
    const options = sbatchOptions({ ...REQUEST, extraOptions: ['--gres=nvme:5'], components: [component] }, 'gres');
    expect(options.slice(7)).toEqual(['--gres=nvme:5', ':', '--gres=gpu:1,nvme:7']);
  });

  it.each([
    [{ nodes: 2 }, '--nodes=2'],
    [{ nodes: 2, maxNodes: 4 }, '--nodes=2-4'],
    [{ maxNodes: 4 }, '--nodes=1-4'],
    [{ nodes: 4, maxNodes: 4 }, '--nodes=4'],
    [{ memoryMb: 0 }, '--mem=0'],
  ])('name a range of nodes, and all of the memory: %j', (resources, option) => {
    expect(sbatchOptions({ ...REQUEST, resources: { ...NO_RESOURCES, ...resources } }, 'gres').slice(7)).toEqual([
      option,
    ]);
  });

  it('give each task of an array its own files', () => {
    const options = sbatchOptions({ ...REQUEST, resources: { ...NO_RESOURCES, array: '0-9%2' } }, 'gres');
    expect(options).toContain('--array=0-9%2');
    expect(options).toContain(`--output=${REQUEST.workDir}/stdout-%a.log`);
    expect(options).toContain(`--error=${REQUEST.workDir}/stderr-%a.log`);
  });

  it('keep a % of the path from being taken for a replacement, in file names and nowhere else', () => {
    const options = sbatchOptions({ ...REQUEST, workDir: '/scratch/100%/j' }, 'gres');
    expect(options).toContain('--output=/scratch/100%%/j/stdout.log');
    expect(options).toContain('--error=/scratch/100%%/j/stderr.log');
    expect(options).toContain('--chdir=/scratch/100%/j/source');
  });

  it('name the jobs to wait for', () => {
    const dependsOn = [
      { slurmJobId: '12', kind: 'AFTER_OK' },
      { slurmJobId: '13_4', kind: 'AFTER_ANY' },
      { slurmJobId: '14', kind: 'AFTER' },
      { slurmJobId: '15', kind: 'AFTER_NOT_OK' },
    ] as const;
    expect(sbatchOptions({ ...REQUEST, dependsOn }, 'gres')).toContain(
      '--dependency=afterok:12,afterany:13_4,after:14,afternotok:15',
    );
    const tasks = [{ slurmJobId: '12', kind: 'AFTER_CORR' }] as const;
    expect(sbatchOptions({ ...REQUEST, dependsOn: tasks, isSingleton: true }, 'gres')).toContain(
      '--dependency=aftercorr:12,singleton',
    );
    expect(sbatchOptions({ ...REQUEST, isSingleton: true }, 'gres')).toContain('--dependency=singleton');
  });

  it('are one word each, and no value is read as an option of its own', () => {
    const odd = { ...NO_RESOURCES, account: '-x', qos: '--wrap=rm -rf ~', array: '-1' };
    const options = sbatchOptions({ ...REQUEST, partition: '--help', resources: odd }, 'gres');
    expect(options.every((option) => /^--[a-z-]+(?:=|$)/.test(option))).toBe(true);
    expect(options).toContain('--qos=--wrap=rm -rf ~');
    expect(options).toContain('--partition=--help');
  });

  it('end with what was asked for in words of sbatch itself', () => {
    const extraOptions = ['--constraint=ib', '--exclusive'];
    expect(sbatchOptions({ ...REQUEST, extraOptions }, 'gres').slice(-2)).toEqual(extraOptions);
  });
});

describe('the size of the options', () => {
  /** Linux's limit for one argument of a command (execve(2)). */
  const ARGUMENT_BYTES = 128 * 1024;
  const size = (parts: Partial<SubmitRequest>) => optionsSize({ ...REQUEST, ...parts }, 'gres');

  it('counts every component as it is quoted for the shell', () => {
    const extraOptions = [`--comment=${"'".repeat(100)}`];
    const quoted = quoteAll(extraOptions).length + ' '.length;
    expect(quoted).toBeGreaterThan(400);
    expect(size({ extraOptions }) - size({})).toBe(quoted);
    const components = [1, 2].map(() => ({ partition: null, resources: NO_RESOURCES, extraOptions }));
    expect(size({ components }) - size({})).toBe(2 * (quoted + " ':'".length));
  });

  it('counts an array, a partition and a number', () => {
    const resources = { ...NO_RESOURCES, array: '1,'.repeat(5000), tasks: 7 };
    expect(size({ resources, partition: 'gpu' }) - size({})).toBe(
      10_000 + " '--array=' '--ntasks=7' '--partition=gpu'".length + 2 * '-%a'.length,
    );
  });

  it('leaves room for the rest of the argument that they are part of', () => {
    const longest = `/${'d'.repeat(4000)}`;
    const dependsOn = Array.from({ length: 100 }, () => ({
      slurmJobId: '4294967294_49999',
      kind: 'AFTER_NOT_OK' as const,
    }));
    const request: SubmitRequest = { ...REQUEST, slurmName: "'".repeat(255), workDir: longest, dependsOn };
    const rest = quoteAll(sbatchOptions(request, 'gres')).length + 4 * longest.length;
    expect(rest).toBeLessThan(ARGUMENT_BYTES - MAX_OPTIONS_BYTES - 8 * 1024);
  });
});
