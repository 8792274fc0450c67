import tailwindcss from '@tailwindcss/vite';
import solid from 'vite-plugin-solid';
import { defineConfig } from 'vitest/config';
import { compress } from './scripts/compress.ts';

const { SLURMQL_SERVER: server = 'http://127.0.0.1:4000' } = process.env;

export default defineConfig({
  plugins: [solid(), tailwindcss(), compress()],
  build: {
    // light-dark() and the nesting of CSS reach the browser as written.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // The content policy allows nothing but files of our own, so no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      '/graphql': { target: server, ws: true },
      '/session': { target: server },
      // The files of logs.
      '^/jobs/[^/]+/std(out|err)\\.log$': { target: server },
    },
  },
  test: {
    environment: 'node',
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    expect: { poll: { timeout: 30_000 } },
    // The browser's test waits for a real Slurm.
    testTimeout: 180_000,
    hookTimeout: 120_000,
    // The browsers wait for it as well, so the files that have one run beside each other on any machine.
    maxWorkers: 3,
  },
});
