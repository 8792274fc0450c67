#!/usr/bin/env -S node --max-semi-space-size=8
// V8 lets young objects take 96 MiB otherwise and doesn't give them back; 24 MiB serve as well.
// npm links this file before anything is built.
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('SlurmQL has not been built yet: run "npm run build" first.\n');
  process.exit(1);
}
