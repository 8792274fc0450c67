import { describe, expect, it } from 'vitest';
import { interpreterFault, interpreterNotice, readDirectives } from './directives.ts';

/** As the lines at the head of a script are read: the options in full, and the lines of faults. */
function read(...lines: readonly string[]) {
  const { directives, faults } = readDirectives(['#!/bin/bash', ...lines, 'srun train'].join('\n'));
  const options = directives.map(({ line, name, value }) => `${line} --${name}${value === null ? '' : `=${value}`}`);
  return [...options, ...faults.map(({ line }) => `${line} fault`)];
}

describe('#SBATCH lines', () => {
  it.each<[readonly string[], readonly string[]]>([
    [['#SBATCH --nodes=2'], ['2 --nodes=2']],
    [['#SBATCH --nodes 2'], ['2 --nodes=2']],
    [['#SBATCH -N2 -n 4'], ['2 --nodes=2', '2 --ntasks=4']],
    [['#SBATCH -HN2'], ['2 --hold', '2 --nodes=2']],
    [['#SBATCH\t-t\t1:00:00   # an hour'], ['2 --time=1:00:00']],
    [['#SBATCH --comment="two words"'], ['2 --comment=two words']],
    [["#SBATCH --comment='a # b' --hold"], ['2 --comment=a # b', '2 --hold']],
    [['#SBATCH --comment=two\\ words\\"'], ['2 --comment=two words"']],
    [['#SBATCH --comment=a#b --hold'], ['2 --comment=a']],
    [['#SBATCH --exclusive -k'], ['2 --exclusive', '2 --no-kill']],
    [['#SBATCH --exclusive=user --requeue'], ['2 --exclusive=user', '2 --requeue']],
    [['#SBATCH --tasks-per-node=3'], ['2 --ntasks-per-node=3']],
    [['#SBATCH --ntasks-per-n=3 --part=gpu'], ['2 --ntasks-per-node=3', '2 --partition=gpu']],
    // All words are one command line.
    [['#SBATCH --time', '#SBATCH 10'], ['2 --time=10']],
    [
      ['#SBATCH --container-image=a#b', '#SBATCH --container-image x'],
      ['2 --container-image=a', '3 --container-image=x'],
    ],
    [['', '# a comment', '   # another', '#SBATCH -p gpu'], ['5 --partition=gpu']],
    [['##SBATCH -p gpu', '# SBATCH -p gpu', ' #SBATCH -p gpu'], []],
    [['#SBATCH'], []],
    [['#SLURM -p gpu'], ['2 --partition=gpu']],
    [['#SBATCH --comment="open'], ['2 fault']],
    [['#SBATCH nodes=2'], ['2 fault']],
    [['#SBATCH -Z'], ['2 fault']],
    [['#SBATCH --nt=2'], ['2 fault']],
    [['#SBATCH --hold=yes'], ['2 fault']],
    [['#SBATCH --nodes'], ['2 fault']],
    [
      ['#SBATCH hetjob', '#SBATCH -n1'],
      ['3 --ntasks=1', '2 fault'],
    ],
    [['#SBATCH -n1 : -n2'], ['2 fault']],
    [['#PBS -l nodes=1'], ['2 fault']],
    [['#BSUB -n 4', '#BSUB -q x'], ['2 fault']],
  ])('%j are %j', (lines, options) => {
    expect(read(...lines)).toEqual(options);
  });

  it('end at the first command, and those behind it are told of', () => {
    const script = '#SBATCH -N1\nset -e\n#SBATCH -N2\ncat <<END\n#SBATCH -N3\nEND\n';
    const { directives, faults, notices } = readDirectives(script);
    expect(directives).toEqual([{ line: 1, name: 'nodes', value: '1' }]);
    expect(faults).toEqual([]);
    expect(notices.map(({ line }) => line)).toEqual([3, 5]);
  });

  it('beside those of another batch system are what counts', () => {
    const { directives, faults, notices } = readDirectives('#PBS -l nodes=1\n#SBATCH -N1\ntrue\n#PBS -q x');
    expect(directives).toHaveLength(1);
    expect(faults).toEqual([]);
    expect(notices.map(({ line }) => line)).toEqual([1]);
  });

  it('are none in a script without', () => {
    expect(readDirectives('python train.py # SBATCH')).toEqual({ directives: [], faults: [], notices: [] });
    expect(readDirectives('')).toEqual({ directives: [], faults: [], notices: [] });
  });
});

describe('a first line that names an interpreter', () => {
  it.each([
    '#!/bin/bash',
    '#!/bin/bash -l',
    '#!/bin/sh',
    '#! /usr/bin/env bash',
    '#!/usr/bin/env -S bash --login',
    'x',
    '#!',
  ])('%j is had', (line) => {
    expect(interpreterFault(`${line}\ntrue`)).toBeNull();
  });

  it.each([
    ['#!/usr/bin/env python3', 'python3 FILE'],
    ['#!/usr/bin/python3 -u', 'python3 FILE'],
    ['#!/bin/zsh', 'zsh FILE'],
    ['#!/usr/bin/env -S Rscript --vanilla', 'Rscript FILE'],
    // Who names dash wants what bash doesn't do.
    ['#!/bin/dash', 'dash FILE'],
    ['#!/bin/busybox sh', 'busybox FILE'],
    ['#!/bin/sh -e', 'with -e'],
    ['#!/bin/bash -e', 'with -e'],
    ['#!/bin/bash -euo pipefail', 'with -euo'],
  ])('%j is refused: %s', (line, words) => {
    expect(interpreterFault(`${line}\ntrue`)).toContain(words);
  });

  it.each(['#!/bin/sh', '#! /bin/sh', '#!/usr/bin/env sh', '#!/usr/bin/env -S sh -l', '#!/bin/sh -l'])(
    '%j is told to be run by bash',
    (line) => {
      expect(interpreterFault(`${line}\ntrue`)).toBeNull();
      expect(interpreterNotice(`${line}\ntrue`)).toContain('run by bash');
    },
  );

  it.each(['#!/bin/bash', '#!/usr/bin/env bash', '#!', 'sh x', '# /bin/sh', '\n#!/bin/sh'])(
    'of %j nothing is told',
    (line) => {
      expect(interpreterNotice(`${line}\ntrue`)).toBeNull();
    },
  );
});
