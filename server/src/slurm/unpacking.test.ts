import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { submitScript } from './commands/submission.ts';

const run = promisify(execFile);

it.each([
  ['022', 0o644, 0o755],
  ['027', 0o640, 0o750],
  ['077', 0o600, 0o700],
  ['002', 0o664, 0o775],
  ['000', 0o666, 0o777],
])('files are unpacked as a login with umask %s makes them, root too', async (umask, file, runnable) => {
  const folder = await mkdtemp(join(tmpdir(), 'slurmql-unpacking-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of ['job', 'bin', 'packed']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'bin/sbatch'), '#!/bin/sh\necho 1\n', { mode: 0o755 });
  for (const [name, mode] of [
    ['file', '666'],
    ['runnable', '777'],
  ] as const) {
    await writeFile(join(folder, 'packed', name), '');
    await run('chmod', [mode, join(folder, 'packed', name)]);
  }
  await run('tar', ['-czf', join(folder, 'job/source.tar.gz'), '-C', join(folder, 'packed'), 'file', 'runnable']);

  const script = submitScript({ PATH: `${join(folder, 'bin')}:${process.env['PATH']}` }, join(folder, 'job'), []);
  const { stdout } = await run('/bin/sh', ['-c', `umask ${umask}\n${script.text}`]);
  expect(script.read(stdout, 'code')?.output.trim()).toBe('0');
  const modeOf = async (name: string) => (await stat(join(folder, 'job/source', name))).mode & 0o777;
  expect(await modeOf('file')).toBe(file);
  expect(await modeOf('runnable')).toBe(runnable);
});

it('of all that tar says where nothing can be unpacked, the end is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'slurmql-unpacking-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of ['job', 'bin']) await mkdir(join(folder, name));
  const words = 'yes "tar: a: Cannot open: File name too long" | head -n 500000';
  await writeFile(join(folder, 'bin/tar'), `#!/bin/sh\n${words}\nexit 2\n`, { mode: 0o755 });
  await writeFile(join(folder, 'job/source.tar.gz'), '');
  const script = submitScript({ PATH: `${join(folder, 'bin')}:${process.env['PATH']}` }, join(folder, 'job'), []);
  const { stdout } = await run('/bin/sh', ['-c', script.text]);
  expect(script.read(stdout, 'code')?.output.trim()).toBe('not-unpacked');
  expect(script.read(stdout, 'stderr')?.output).toContain('\ntar: a: Cannot open: File name too long\n');
  expect(stdout.length).toBeLessThan(100_000);
});
