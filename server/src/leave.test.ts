import { execFile } from 'node:child_process';
import { expect, it } from 'vitest';

const LEAVE = new URL('./leave.ts', import.meta.url).href;

interface End {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that runs this, with `leave` at hand. */
function run(script: string): Promise<End> {
  return new Promise((resolve) => {
    const source = `import { leave } from ${JSON.stringify(LEAVE)};\n${script}`;
    execFile(process.execPath, ['--input-type=module', '--eval', source], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

it.each([0, 1, 2, 70])(
  'a process leaves with code %i and not by way of Node, which may wait for ever',
  async (code) => {
    const script = `process.on('exit', () => console.log('by way of Node'));\nleave(${code});`;
    expect(await run(script)).toEqual({ code, stdout: '', stderr: '' });
  },
);

it('what has been written before is not lost', async () => {
  const script = `process.stdout.write('x'.repeat(60_000));\nprocess.stderr.write('last words\\n');\nleave(3);`;
  expect(await run(script)).toEqual({ code: 3, stdout: 'x'.repeat(60_000), stderr: 'last words\n' });
});

it('no thread that is at work keeps it', async () => {
  const script = `import { readFile } from 'node:fs';
import { pbkdf2 } from 'node:crypto';
for (let thread = 0; thread < 8; thread += 1) pbkdf2('a', 'b', 2 ** 30, 64, 'sha512', () => undefined);
readFile('/dev/zero', () => undefined);
setImmediate(() => leave(5));`;
  expect(await run(script)).toMatchObject({ code: 5 });
});
