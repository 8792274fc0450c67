import { describe, expect, it } from 'vitest';
import { ownership } from './owner.ts';

const ID = '01K00000000000000000000042';
const DIRECTORY = `/home/ada/my ws/jobs/${ID}`;

describe('whose a job is that Slurm shows', () => {
  it.each([
    ['the path of its batch script', `${DIRECTORY}/job.sh`],
    ['the line that submitted it', `sbatch --parsable --job-name=x y : --nodes=1 ${DIRECTORY}/job.sh`],
    ['its script with arguments', `${DIRECTORY}/job.sh a b`],
  ])('is told by %s', (_what, command) => {
    expect(ownership(command, '/elsewhere')).toEqual({ ownerId: ID, directoryJobId: null });
  });

  it.each([
    ['(null)', '/home/ada'],
    ['/home/ada/train.sh', '/home/ada'],
    [`/home/ada/jobs/${ID.toLowerCase()}/job.sh`, '/home/ada'],
    [`/home/ada/jobs/${ID}0/job.sh`, `/home/ada/jobs/${ID}0`],
    [`/home/ada/jobs/${ID}/job.sh.old`, '/home/ada'],
  ])('is nobody of ours for %s in %s', (command, workDir) => {
    expect(ownership(command, workDir)).toEqual({ ownerId: null, directoryJobId: null });
  });

  it('is only suspected by the directory: jobs that a job submits by itself run there too', () => {
    expect(ownership('/home/ada/child.sh', `${DIRECTORY}/source`)).toEqual({ ownerId: null, directoryJobId: ID });
    expect(ownership('(null)', DIRECTORY)).toEqual({ ownerId: null, directoryJobId: ID });
  });

  it('is suspected by the names of earlier releases, which ended in the id', () => {
    expect(ownership('', '/elsewhere', `train.${ID}`)).toEqual({ ownerId: null, directoryJobId: ID });
    expect(ownership('', '/elsewhere', `train.${ID} `)).toEqual({ ownerId: null, directoryJobId: null });
  });
});
