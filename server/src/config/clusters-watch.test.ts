import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ClustersWatch } from './clusters-watch.ts';

let directory: string;
let path: string;
/** What is read instead where it is there. */
let own: string;
let watch: ClustersWatch;
const told: string[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-watch-'));
  path = join(directory, 'clusters.yaml');
  own = join(directory, 'clusters.local.yaml');
  told.length = 0;
  await writeFile(path, yaml('alpha'));
});
afterEach(async () => {
  watch.stop();
  await rm(directory, { recursive: true, force: true });
});

const yaml = (...names: string[]) => `clusters:\n${names.map((name) => `  ${name}: { host: ${name} }\n`).join('')}`;

function follow(timing: ConstructorParameters<typeof ClustersWatch>[2] = {}): void {
  watch = new ClustersWatch(
    [own, path],
    {
      onSettings: (settings) => told.push(settings.map(({ name }) => name).join(' ')),
      onFault: (message) => told.push(message),
    },
    { settleMs: 50, settleLessMs: 100, lookMs: 60_000, ...timing },
  );
  watch.start();
}

const tells = (...expected: string[]) => vi.waitFor(() => expect(told).toEqual(expected), { timeout: 5000 });

it('tells what there is, then each change, and nothing of what changes nothing', async () => {
  follow();
  await tells('alpha');
  await writeFile(path, yaml('alpha'));
  await writeFile(join(directory, 'other.yaml'), 'x');
  await writeFile(`${path}.new`, yaml('alpha', 'beta'));
  await rename(`${path}.new`, path);
  await tells('alpha', 'alpha beta');
});

it('tells of a file that is gone, and of its return as it was', async () => {
  follow();
  await tells('alpha');
  await rm(path);
  await tells('alpha', `${path}: the file is gone`);
  await writeFile(path, yaml('alpha'));
  await tells('alpha', `${path}: the file is gone`, 'alpha');
});

it('finds a change that the system tells nothing of, by looking', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'slurmql-watch-'));
  path = join(elsewhere, 'late', 'clusters.yaml');
  // No directory that could be watched is there yet.
  follow({ lookMs: 100 });
  await tells(`${path}: the file is gone`);
  await rename(directory, join(elsewhere, 'late'));
  await tells(`${path}: the file is gone`, 'alpha');
  await rm(elsewhere, { recursive: true });
});

it('reads a file that comes and is to be read instead, and goes on with it when it is gone', async () => {
  follow();
  await tells('alpha');
  await writeFile(own, yaml('mine'));
  await tells('alpha', 'mine');
  await writeFile(path, yaml('alpha', 'beta'));
  await rm(own);
  await tells('alpha', 'mine', `${own}: the file is gone`);
});

it('takes nothing away that a file on its way to its new content leaves out', async () => {
  await writeFile(path, yaml('alpha', 'beta'));
  follow({ settleLessMs: 60_000 });
  await tells('alpha beta');
  const text = yaml('gamma', 'alpha', 'beta', 'delta');
  // As a slow writer does it; without the second half it is right, too.
  await writeFile(path, yaml('gamma', 'alpha'));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await writeFile(path, text);
  await tells('alpha beta', 'gamma alpha beta delta');
});

it('takes away what is left out for good', async () => {
  await writeFile(path, yaml('alpha', 'beta'));
  follow();
  await tells('alpha beta');
  await writeFile(path, yaml('beta'));
  await tells('alpha beta', 'beta');
  await writeFile(path, 'clusters: {}\n');
  await tells('alpha beta', 'beta', '');
});

it('says nothing more once it is stopped', async () => {
  follow();
  await tells('alpha');
  await writeFile(path, yaml('beta'));
  watch.stop();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(told).toEqual(['alpha']);
});
