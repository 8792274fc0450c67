import { describe, expect, it } from 'vitest';
import { NO_RESOURCES } from '../domain/testing.ts';
import { takeOver } from './take-over.ts';
import { asked } from './testing.ts';

const SCRIPT = `#!/bin/bash -l
#SBATCH --job-name=train
#SBATCH --output=logs/%j.out
#SBATCH -N 2-4 --ntasks=8 -c 4
#SBATCH --gres=gpu:a100:2,nvme:100
#SBATCH --mem=64G --time=1-02:30:01
#SBATCH --partition=gpu --account=ml --qos=high
#SBATCH --array=0-9%2
#SBATCH --dependency=singleton
#SBATCH --signal=B:USR1@60 --mail-type=END
#SBATCH --export=ALL --open-mode=append
srun python train.py`;

const RESOURCES = {
  ...{ nodes: 2, maxNodes: 4, tasks: 8, cpusPerTask: 4, memoryMb: 65_536, gpus: 2, gpusTotal: null, gpusPerTask: null },
  ...{ gpuType: 'a100', timeLimitMinutes: 1591, account: 'ml', qos: 'high', array: '0-9%2' },
};
const OPTIONS = ['--gres=nvme:100', '--signal=B:USR1@60', '--mail-type=END'];

describe('the #SBATCH lines of a pasted script', () => {
  it('become fields and further options, and what is not used is told', () => {
    const { input, refusals, message } = takeOver(asked(SCRIPT));
    expect(refusals).toEqual([]);
    expect(input).toMatchObject({ name: 'train', partition: 'gpu', isSingleton: true, command: SCRIPT });
    expect(input.resources).toEqual(RESOURCES);
    expect(input.extraOptions).toEqual(OPTIONS);
    expect(message).toBe("Line 3, #SBATCH --output=logs/%j.out: not used: standard output is the job's own stdout.log");
  });

  it('say nothing new when the request says the same', () => {
    const same = { name: 'train', partition: 'gpu', resources: RESOURCES, extraOptions: OPTIONS.slice(1) };
    const { input, refusals, message } = takeOver(asked(SCRIPT, same));
    expect(refusals).toEqual([]);
    expect(input.resources).toEqual(RESOURCES);
    expect(input.extraOptions.toSorted()).toEqual(OPTIONS.toSorted());
    expect(message?.split('\n')).toHaveLength(1);
  });

  it('are told of once for each line, however many options of it another one overrides', () => {
    const { input, message } = takeOver(asked(`#SBATCH ${'-n1 -c2 '.repeat(2000)}\n#SBATCH -n 3\n#SBATCH -c 4\ntrue`));
    expect(input.resources).toMatchObject({ tasks: 3, cpusPerTask: 4 });
    expect(message?.match(/line \d overrides it/g)).toEqual(['line 2 overrides it', 'line 3 overrides it']);
  });

  it('give way to what the request itself says, as to the command line of sbatch, and that is told', () => {
    const resources = { ...NO_RESOURCES, timeLimitMinutes: 5, gpusTotal: 1, memoryMb: 100 };
    const command = `#SBATCH -t 60 --gres=gpu:2 --mem-per-cpu=4G
#SBATCH --constraint=a --oversubscribe`;
    const { input, message } = takeOver(asked(command, { resources, extraOptions: ['--constraint=b', '--exclusive'] }));
    expect(input.resources).toEqual(resources);
    expect(input.extraOptions).toEqual(['--constraint=b', '--exclusive']);
    expect(message?.match(/is overridden by .*/g)).toEqual([
      'is overridden by timeLimitMinutes',
      'is overridden by gpusTotal',
      'is overridden by memoryMb',
      'is overridden by --constraint',
      'is overridden by --exclusive',
    ]);
  });

  it('take the last of two, as sbatch does, and all of --gres', () => {
    const { input, message } = takeOver(
      asked('#SBATCH -t 60\n#SBATCH --gres=gpu:2\n#SBATCH -t 30\n#SBATCH --gres=nvme:5\ntrue'),
    );
    expect(input.resources).toMatchObject({ timeLimitMinutes: 30, gpus: 2 });
    expect(input.extraOptions).toEqual(['--gres=nvme:5']);
    expect(message).toBe('Line 1, #SBATCH -t 60: line 3 overrides it');
  });

  it.each([
    ['--mem=0', { memoryMb: 0 }],
    ['--mem=1000K', { memoryMb: 1 }],
    ['--mem=2TB', { memoryMb: 2_097_152 }],
    ['--mem=500', { memoryMb: 500 }],
    ['-t 90', { timeLimitMinutes: 90 }],
    ['-t 90:01', { timeLimitMinutes: 91 }],
    ['-t 1:30:00', { timeLimitMinutes: 90 }],
    ['-t 2-0', { timeLimitMinutes: 2880 }],
    ['-t 0-1:30', { timeLimitMinutes: 90 }],
    ['-G 4', { gpusTotal: 4 }],
    ['-G a100:4', { gpusTotal: 4, gpuType: 'a100' }],
    ['--gpus-per-node=a100:4', { gpus: 4, gpuType: 'a100' }],
    ['--gpus-per-task=1', { gpusPerTask: 1 }],
    ['--gres=gpu', { gpus: 1 }],
    ['--gres=gpu:h100', { gpus: 1, gpuType: 'h100' }],
    ['--gres=gres:gpu:3', { gpus: 3 }],
    ['-N 3', { nodes: 3 }],
    ['-N 3-3', { nodes: 3 }],
  ])('are read as sbatch reads them: %s', (line, resources) => {
    const { input, refusals } = takeOver(asked(`#SBATCH ${line}\ntrue`));
    expect(refusals).toEqual([]);
    expect(input.resources).toEqual({ ...NO_RESOURCES, ...resources });
  });

  it('are read of a script for sh too, and that bash runs it is told', () => {
    const { input, refusals, message } = takeOver(asked('#!/bin/sh\n#SBATCH -N 2\necho "a\\tb"'));
    expect(refusals).toEqual([]);
    expect(input.resources).toEqual({ ...NO_RESOURCES, nodes: 2 });
    expect(message).toMatch(/^Line 1, #!\/bin\/sh: run by bash, .*"echo" prints backslashes/);
  });

  it.each([
    ['--time=UNLIMITED', 'write a time'],
    ['--mem=lots', 'write a size'],
    ['--nodes=1,3-5', 'write a number of nodes'],
    ['--ntasks=1k', 'write a number'],
    ['--gres=gpu:a100:1,gpu:h100:1', 'names GPUs twice'],
    ['--gpus=a100:1,h100:1', 'write a number of GPUs'],
    ['--chdir=/scratch', 'use "cd"'],
    ['-M other', 'choose the cluster'],
    ['--dependency=afterok:12', 'dependsOn'],
    ['--export=NONE', 'environment'],
    ['--input=data', 'in the command'],
    ['hetjob', 'components'],
    ['--comment="x', 'an unclosed quote'],
  ])('are refused with their line where they can not be taken over: %s', (line, words) => {
    const { refusals } = takeOver(asked(`#!/bin/bash\n#SBATCH ${line}\ntrue`));
    expect(refusals).toMatchObject([{ code: 'INVALID_INPUT', path: ['input', 'command'] }]);
    expect(refusals[0]?.message).toContain('line 2');
    expect(refusals[0]?.message).toContain(words);
  });
});
