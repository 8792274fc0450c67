import { defineConfig } from 'vitest/config';

// Real daemons: the first run on a machine also installs packages.
export default defineConfig({ test: { testTimeout: 60_000, hookTimeout: 900_000 } });
