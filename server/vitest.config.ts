import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const timeouts = { testTimeout: 60_000, hookTimeout: 120_000 };

/** Those that wait longest. Begun first they end with the others, not after them; elsewhere the largest comes first. */
const LONGEST = ['heterogeneous', 'ssh-faults', 'exactly-once', 'vanished', 'cluster-faults'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) =>
      LONGEST.some((name) => moduleId.endsWith(`/test/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...timeouts,
          name: 'unit',
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
          ...timeouts,
          name: 'integration',
          include: ['test/**/*.test.ts'],
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
