import { defineConfig } from 'vitest/config';

// `npm run test:releases`: what unpacks other releases of Slurm.
export default defineConfig({
  test: {
    include: ['src/**/*.releases.ts'],
    // A base system is fetched and unpacked first.
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});
