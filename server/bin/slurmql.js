#!/usr/bin/env -S node --max-semi-space-size=8
// V8 lets young objects take 96 MiB otherwise and doesn't give them back; 24 MiB serve as well.
// npm links this file before anything is built, and any Node may run it: it keeps to what old ones understand.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;

const main = new URL('../dist/main.js', import.meta.url);
if (!existsSync(main)) {
  fail('SlurmQL has not been built yet: run "npm run build" first.');
} else if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
  await import(main.href);
} else {
  const node = pinnedNode();
  if (node === null)
    fail(`SlurmQL needs Node ${NEEDED} or later, and this is ${process.version}: "npm ci" brings one.`);
  else runWith(node);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

/** The Node that npm has linked for this program, in a directory above it; null where there is none. */
function pinnedNode() {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (directory !== dirname(directory)) {
    directory = dirname(directory);
    try {
      const node = realpathSync(join(directory, 'node_modules', '.bin', 'node'));
      const { version } = JSON.parse(readFileSync(join(dirname(node), '..', 'package.json'), 'utf8'));
      if (Number(version.split('.')[0]) >= NEEDED) return node;
    } catch {
      // None is linked here.
    }
  }
  return null;
}

/** Runs this program with another Node as if it were this one. */
function runWith(node) {
  const words = ['--max-semi-space-size=8', fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(node, words, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (cause) => fail(`${node} can't be started: ${cause.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
