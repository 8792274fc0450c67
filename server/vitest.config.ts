import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that wait longest. Begun first they end with the others, not after them; elsewhere the largest comes first. */
const LONGEST = ['heterogeneous', 'ssh-faults', 'exactly-once', 'vanished', 'cluster-faults'];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) =>
      LONGEST.some((name) => moduleId.endsWith(`/test/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** What comes by itself comes late on a busy machine. */
export const PATIENT = { poll: { timeout: 30_000 } };

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          expect: PATIENT,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          include: ['src/**/*.test.ts'],
          // Most of their time would go into loading the same modules for every file.
          isolate: false,
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
          // One copy of graphql: Vite would take its development build and Node its other one.
          server: { deps: { inline: [/graphql/, /pothos/] } },
        },
      },
      {
        test: {
          name: 'integration',
          expect: PATIENT,
          include: ['test/**/*.test.ts'],
          // On a busy machine Slurm answers late, and the more seldom it is asked.
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // They wait for Slurm, sshd and deadlines far more than they compute: several files at once on any machine,
          // after the unit tests.
          maxWorkers: 5,
          sequence: { groupOrder: 1 },
          globalSetup: 'test/support/local-slurm.ts',
        },
      },
    ],
  },
});
