import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { faultInVariableName } from './variable-names.ts';

const run = promisify(execFile);

describe('a name of a variable', () => {
  it.each(['PATH', 'HOME', 'BASH_ENV', 'LC_ALL', '_x', 'A1', 'POSIXLY_CORRECT', 'TMPDIR', 'SLURMQL', 'slurm_x'])(
    '%s arrives in bash as it was given',
    async (name) => {
      expect(faultInVariableName(name)).toBeNull();
      const env = { PATH: '/usr/bin:/bin', [name]: '/usr/bin' };
      const { stdout } = await run('/bin/bash', ['--norc', '-c', `printf %s "$${name}"`], { env });
      expect(stdout).toBe('/usr/bin');
    },
  );

  it.each([
    ['', '1A', 'A-B', 'A B', 'é', 'A.B', 'A\n'],
    ['BASHOPTS', 'BASH_VERSINFO', 'EUID', 'PPID', 'SHELLOPTS', 'UID'],
    ['_', 'RANDOM', 'SECONDS', 'IFS', 'PWD', 'SHLVL', 'LINENO', 'GROUPS', 'EPOCHSECONDS'],
    ['SLURM_JOB_ID', 'SBATCH_PARTITION', 'SLURMQL_TOKEN', 'slurmql_id'],
  ])('is refused where it could not: %s', (...names) => {
    for (const name of names) expect([name, faultInVariableName(name)]).toEqual([name, expect.any(String)]);
  });
});
