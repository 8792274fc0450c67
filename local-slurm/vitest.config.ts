import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: 'src/test-setup.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // They wait for daemons more than they compute: all files at once on any machine.
    maxWorkers: 4,
  },
});
