import { totalmem } from 'node:os';
import { RELEASES } from '@slurmql/local-slurm';
import { defineConfig } from 'vitest/config';
import { LongestFirst, PATIENT } from './vitest.config.ts';

// `npm run test:releases`: what depends on Slurm's own words and ways, on each of its releases.

const FILES = [
  'slurm-contract',
  'jobs',
  'states',
  'arrays',
  'actions',
  'heterogeneous',
  'preview',
  'nodes',
  'vanished',
  'identity',
  'differential',
  'start-up-files',
  'options',
  'gpu-types',
  'load',
  'doctor',
];
/** What the daemons of one release's tests take at most. */
const MEMORY_OF_A_RELEASE = 3 * 1024 ** 3;
const SIDE_BY_SIDE = totalmem() > 2 * MEMORY_OF_A_RELEASE ? 2 : 1;

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: Object.keys(RELEASES).map((release, index) => ({
      test: {
        // A bare number is none to --project.
        name: `slurm-${release}`,
        provide: { release },
        expect: PATIENT,
        include: FILES.map((name) => `test/${name}.test.ts`),
        // A base system may have to be fetched first.
        testTimeout: 300_000,
        hookTimeout: 900_000,
        maxWorkers: 5,
        sequence: { groupOrder: Math.floor(index / SIDE_BY_SIDE) },
        globalSetup: 'test/support/local-slurm.ts',
      },
    })),
  },
});
