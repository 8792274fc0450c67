import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultInOption } from './further-options.ts';

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
    ['--gpus-per-task=1', 'the job would be recorded with other GPUs than it has'],
    ['--account=other', 'the job would be recorded with another account than it runs under'],
    ['--time=10000', 'the job would be recorded with another limit than it has'],
  ])('%j has a field of its own in the input: %s', (option) => {
    expect(faultInOption(option)).not.toBeNull();
  });

  it.each([
    ['--tasks-per-node=70000', 'Slurm counts in 16 bits, and would make it 4464'],
    ['--gres=help', 'sbatch would print a list, and no number of a job'],
    ['--constraint', 'the next option would become its value'],
    ['--hold=yes', 'getopt refuses it'],
    ['--cons=ib', 'an abbreviation may be another option of a plug-in'],
    ['--ignore-pbs', 'it is set already'],
    ['packjob', 'another component begins'],
  ])('%j is refused: %s', (option) => {
    expect(faultInOption(option)).not.toBeNull();
  });

  // sbatch would open them: a named pipe or a device hangs it (tried on 22.05.8).
  it.each([
    '--nodelist=/dev/ptmx',
    '--nodelist=n1,./nodes',
    '--exclude=/home/ada/pipe',
    '--exclude=pipes/one',
    '--nodefile=nodes',
    '--nodefile=/dev/ptmx',
    '--bbf=buffer',
  ])('%j is refused: it names a file on the login node', (option) => {
    expect(faultInOption(option)).toMatch(/^--\w+ .*names a file on the login node, which is not read: write the/);
  });

  // With these, sbatch takes a processor or gigabytes until it is killed (tried on 22.05.8).
  it.each([
    '--nodelist=a[0-65535][0-65535][0-65535]',
    '--exclude=a[0-65535]b[0-65535]c[0-65535]',
    '--nodelist=n1,a[0-9][0-99][0-999]',
    `--exclude=${'a[0-49999],'.repeat(3)}`,
    '--nodelist=a[0-99999999999999]',
    '--nodelist=a[0-9',
    '--nodelist=a[[0-9]]',
    '--nodelist=a[1-x]',
    '--mem-bind=map_mem:0*99999999',
    '--mem-bind=verbose,mask_mem:0x1*99999999',
    `--mem-bind=map_mem:${'0*1000,'.repeat(5)}0`,
    '--mem-bind=map_mem:0* 99999999',
    '--mem-bind=map_mem:0*+99999999',
    '--gpu-bind=map_gpu:0*99999999',
    '--tres-bind=gres/gpu:map:0*99999999',
  ])('%j is refused: sbatch would write it out', (option) => {
    expect(faultInOption(option)).toMatch(/^--[a-z-]+ (?:is no list of at most 100,000 nodes|repeats more than 4,096)/);
  });

  it.each([
    '--nodelist=rack[1-20]n[0-63]',
    '--exclude=a[0-65535],login',
    '--nodelist=n1,n2,',
    '--mem-bind=map_mem:0*64,1*64',
    '--gpu-bind=mask_gpu:0x3,0x5*2',
    '--gpu-bind=closest',
  ])('%j is passed on: it is short when it is written out', (option) => {
    expect(faultInOption(option)).toBeNull();
  });

  it.each(['--container=/images/bundle', '--comment=a/b', '--mail-user=a/b', '--licenses=a/b'])(
    '%j is passed on: sbatch opens no such file',
    (option) => {
      expect(faultInOption(option)).toBeNull();
    },
  );

  it.each(['--container-image=nvcr.io#nvidia/pytorch', '--x11', '--gres=shard:2', '--exclusive=user'])(
    '%j, of a plug-in or with a value of its own, is passed on',
    (option) => {
      expect(faultInOption(option)).toBeNull();
    },
  );

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
