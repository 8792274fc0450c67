import { defineConfig } from 'vitest/config';

const timeouts = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...timeouts,
          name: 'unit',
          include: ['src/**/*.test.ts'],
          // One copy of graphql: Vite would take its development build and Node its other one.
          server: { deps: { inline: [/graphql/, /pothos/] } },
        },
      },
      {
        test: {
          ...timeouts,
          name: 'integration',
          include: ['test/**/*.test.ts'],
          globalSetup: 'test/support/local-slurm.ts',
        },
      },
    ],
  },
});
