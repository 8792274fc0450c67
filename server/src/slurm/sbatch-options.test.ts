import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_RESOURCES } from '../domain/testing.ts';
import { faultInOption, type SubmitRequest, sbatchOptions } from './sbatch-options.ts';

const REQUEST: SubmitRequest = {
  slurmName: 'train.01K00000000000000000000042',
  workDir: '/home/ada/slurmql/jobs/01K00000000000000000000042',
  partition: null,
  resources: NO_RESOURCES,
  dependsOn: [],
  extraOptions: [],
  components: [],
};

describe("sbatch's options", () => {
  it('say nothing that nobody asked for', () => {
    expect(sbatchOptions(REQUEST, 'gres')).toEqual([
      '--parsable',
      '--job-name=train.01K00000000000000000000042',
      '--chdir=/home/ada/slurmql/jobs/01K00000000000000000000042',
      '--output=/home/ada/slurmql/jobs/01K00000000000000000000042/stdout.log',
      '--error=/home/ada/slurmql/jobs/01K00000000000000000000042/stderr.log',
      '--open-mode=append',
    ]);
  });

  it('carry every resource under its name', () => {
    const resources = {
      nodes: 2,
      tasks: 4,
      cpusPerTask: 8,
      memoryMb: 64_000,
      gpus: null,
      gpuType: null,
      timeLimitMinutes: 90,
      account: 'ml',
      qos: 'high',
      array: null,
    };
    expect(sbatchOptions({ ...REQUEST, partition: 'gpu,cpu', resources }, 'gres').slice(6)).toEqual([
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
    expect(sbatchOptions({ ...REQUEST, resources: { ...NO_RESOURCES, gpus, gpuType } }, style).slice(6)).toEqual(
      options,
    );
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
    expect(options).toContain('--chdir=/scratch/100%/j');
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

describe('a further option', () => {
  it.each([
    '--constraint=a100',
    '--exclusive',
    '--nodelist=gpu[01-03]',
    '--mail-type=END,FAIL',
    '--comment=two words, "quoted" and \'so\'',
    '--signal=B:TERM@60',
    '--requeue',
    '--mem-per-cpu=4G',
    '--begin=now+1hour',
    '--hold',
  ])('%j is passed on', (option) => {
    expect(faultInOption(option)).toBeNull();
  });

  it.each([
    '--job-name=x',
    '--output=/tmp/x',
    '--error=/tmp/x',
    '--chdir=/',
    '--array=0-5',
    '--parsable',
    '--wrap=id',
    '--test-only',
    '--wait',
    '--export=NONE',
    '--open-mode=truncate',
    '--clusters=beta',
    '--dependency=singleton',
    '--uid=0',
    '--version',
    '--help',
    '--usage',
    '--input=/etc/passwd',
    // Tried on 22.05.8: with it, --parsable prints no number.
    '--quiet',
  ])('%j is ours, or takes the answer away', (option) => {
    expect(faultInOption(option)).toContain(option.split('=')[0]);
  });

  // Tried on 22.05.8: `--job-n=other` renamed the job.
  it.each(['--job-n=other', '--j=other', '--outp=/tmp/x', '--err=/tmp/x', '--arr=0-5', '--wr=id', '--test', '--pars'])(
    '%j is ours by its beginning, which getopt takes for the whole',
    (option) => {
      expect(faultInOption(option)).not.toBeNull();
    },
  );

  it.each([
    ['--partition=secret', 'clusters.yaml may allow some partitions only'],
    ['--part=secret', 'its beginning'],
    ['--gres=gpu:h100:8', 'clusters.yaml may allow some GPU types only'],
    ['--gpus-per-node=h100:8', 'clusters.yaml may allow some GPU types only'],
    ['--gpus=h100:8', 'clusters.yaml may allow some GPU types only'],
    ['--account=other', 'the job would be recorded with another account than it runs under'],
    ['--time=10000', 'the job would be recorded with another limit than it has'],
  ])('%j has a field of its own in the input: %s', (option) => {
    expect(faultInOption(option)).not.toBeNull();
  });

  it.each([
    '',
    'script.sh',
    '-A ml',
    '-n4',
    '--',
    '-',
    '--constraint a100',
    '--constraint=',
    '--comment=two\nlines',
    '--comment=nul\0',
    '--comment=\x1b[31m',
    '--Constraint=a100',
    '---x',
    ' --exclusive',
    '--exclusive ',
    '=x',
  ])('%j is no option in full', (option) => {
    expect(faultInOption(option)).toContain('write it in full');
  });

  it('that is passed on is one word for sbatch, whose name is written in full', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('', '--', '--a=', '--constraint='), (text, start) => {
        const option = `${start}${text}`;
        if (faultInOption(option) === null) expect(option).toMatch(/^--[a-z][a-z0-9-]*(=\P{Cc}+)?$/u);
      }),
    );
  });
});
