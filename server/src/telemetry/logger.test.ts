import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const urlOf = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
const HELPS = `
import { writeFileSync } from 'node:fs';
import { createLogger } from ${urlOf('logger.ts')};
import { leave } from ${urlOf('../leave.ts')};
const log = createLogger({ level: 'debug', format: process.argv[2] });
let number = 0;
function write(count) {
  for (const end = number + count; number < end; number += 1) log.info({ number }, 'x'.repeat(600));
}`;
/** More than a pipe, its reader and the logger keep. */
const TOO_MUCH = 4000;
/** More than a pipe and its reader keep; what waits is written before the process ends. */
const MUCH = 300;
const FORMATS = ['json', 'pretty'] as const;

let directory: string;
const begun: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slurmql-logger-'));
});

afterEach(async () => {
  for (const child of begun.splice(0)) end(child);
  await rm(directory, { recursive: true, force: true });
});

/** With all that it has begun. */
function end({ pid }: ChildProcess): void {
  try {
    process.kill(-(pid ?? Number.NaN), 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** A process that logs, in which `code` runs. In the line of bash it is `$LOGS`, which writes its exit code to `over`. */
async function begin(line: string, format: string, code: string): Promise<ChildProcess> {
  await writeFile(join(directory, 'program.mjs'), `${HELPS}\n${code}`);
  await writeFile(
    join(directory, 'logs.sh'),
    `"${process.execPath}" program.mjs ${format}\nset $?\necho $1 >over\nexit $1\n`,
  );
  const child = spawn('bash', ['-o', 'pipefail', '-c', line], {
    cwd: directory,
    env: { ...process.env, LOGS: 'sh logs.sh' },
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  begun.push(child);
  return child;
}

const exitOf = async (child: ChildProcess) => {
  const [code, signal] = await once(child, 'close');
  return code ?? signal;
};

/** The file that a program writes when it has come so far. */
const fileOf = (name: string) => expect.poll(() => readFile(join(directory, name), 'utf8').catch(() => ''));

/** Of the program, which writes it to a file when it has come so far. */
async function pidOf(): Promise<number> {
  await fileOf('pid').toMatch(/\.$/);
  return Number.parseInt(await readFile(join(directory, 'pid'), 'utf8'), 10);
}

/** Nothing is read before `start`. */
function readerOf(child: ChildProcess): { text: string; start(): void } {
  const reader = {
    text: '',
    start() {
      child.stdout?.setEncoding('utf8').on('data', (more: string) => {
        reader.text += more;
      });
    },
  };
  return reader;
}

function entriesOf(text: string): readonly (readonly [what: string, figure: number])[] {
  const found = stripVTControlCharacters(text).matchAll(/\b(number|lost)"?: ?(\d+)(?!\d*$)/g);
  return Array.from(found, ([, what = '', figure]) => [what, Number(figure)]);
}

/** Each entry is there, once and in its place, or is counted as lost in its place. Returns how many are lost. */
function expectAll(text: string, format: string, count: number): number {
  if (format === 'json') for (const line of text.trimEnd().split('\n')) JSON.parse(line);
  let next = 0;
  let lost = 0;
  for (const [what, figure] of entriesOf(text)) {
    if (what === 'number') expect(figure).toBe(next);
    else lost += figure;
    next += what === 'number' ? 1 : figure;
  }
  expect(next).toBe(count);
  return lost;
}

/** What standard error is, with a program behind it that reads. */
const READ = {
  'a socket': 'exec $LOGS 2>&1 >/dev/null',
  'a pipe': '$LOGS 2>&1 >/dev/null | cat',
  'a terminal': 'exec script -qefc "$LOGS" /dev/null',
};
const media = Object.entries(READ).flatMap(([name, line]) => FORMATS.map((format) => ({ name, line, format })));

it.each(media)(
  'a reader of $name that stalls holds nothing up, and later gets each entry or how many are lost: $format',
  async ({ line, format }) => {
    const child = await begin(
      line,
      format,
      `write(${TOO_MUCH}); writeFileSync('pid', process.pid + '.');
process.once('SIGUSR2', () => { write(${MUCH}); leave(3); }); setInterval(() => undefined, 1000);`,
    );
    const exited = exitOf(child);
    const reader = readerOf(child);
    const pid = await pidOf();
    reader.start();
    await expect.poll(() => entriesOf(reader.text).at(-1)).toEqual(['number', TOO_MUCH - 1]);
    process.kill(pid, 'SIGUSR2');
    expect(await exited).toBe(3);
    const lost = expectAll(reader.text, format, TOO_MUCH + MUCH);
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThan(TOO_MUCH * 0.75);
  },
);

describe('the last entries are written before the process ends', () => {
  it.each([
    ['by itself', ' process.exitCode = 3;'],
    ['by process.exit', 'process.exit(3);'],
    ['as the server does', 'leave(3);'],
  ])('%s', async (_name, code) => {
    for (const { line, format } of media) {
      const child = await begin(line, format, `write(${MUCH}); ${code}`);
      const reader = readerOf(child);
      reader.start();
      expect(await exitOf(child)).toBe(3);
      expect(expectAll(reader.text, format, MUCH)).toBe(0);
    }
  });

  it('after a fault that nobody caught, also when others were lost before', async () => {
    // A terminal takes so little at a time that the rest may need longer than the end of a process waits.
    for (const { line, format } of media.filter(({ name }) => name !== 'a terminal')) {
      const child = await begin(
        line,
        format,
        `process.on('uncaughtException', (err) => { log.fatal({ err, number }, 'The end'); leave(3); });
write(${TOO_MUCH}); throw new Error('on purpose');`,
      );
      const reader = readerOf(child);
      reader.start();
      expect(await exitOf(child)).toBe(3);
      expectAll(reader.text, format, TOO_MUCH + 1);
      expect(reader.text.slice(-8000)).toContain('The end');
      expect(reader.text.slice(-8000)).toContain('on purpose');
    }
  });

  it('to a file', async () => {
    for (const format of FORMATS) {
      const child = await begin('exec $LOGS 2>log', format, `write(${TOO_MUCH}); leave(3);`);
      expect(await exitOf(child)).toBe(3);
      expect(expectAll(await readFile(join(directory, 'log'), 'utf8'), format, TOO_MUCH)).toBe(0);
    }
  });
});

describe('the process goes on, and ends, where standard error accepts nothing:', () => {
  const GONE = 'exec 3>&1; $LOGS 2>&1 >&3 | true';
  it.each([
    ['a full disk', 'exec $LOGS 2>/dev/full'],
    ['a pipe whose reader has gone', GONE],
    ['a pipe whose reader stalls', '$LOGS 2>&1 >/dev/null | sleep 1000'],
    ['a socket whose reader stalls', 'exec $LOGS 2>&1 >/dev/null'],
    ['a terminal whose reader stalls', 'exec script -qefc "$LOGS" /dev/null'],
    ['nothing', 'exec $LOGS 2>&-'],
  ])('%s', async (_name, line) => {
    const code = `process.on('uncaughtException', () => leave(9));
for (const level of ['debug', 'info', 'warn', 'error', 'fatal']) log[level]({ err: new Error('a fault') }, 'a line');
write(${TOO_MUCH});
setImmediate(() => { log.fatal('The end'); END });`;
    for (const [format, way] of [
      ['json', 'process.exit(3)'],
      ['json', 'leave(3)'],
      ['pretty', 'process.exitCode = 3'],
    ] as const) {
      const child = await begin(line, format, code.replace('END', way));
      await fileOf('over').toBe('3\n');
      await rm(join(directory, 'over'));
      end(child);
    }
  });
});

it('what was written while a pipe had no reader waits for the next one', async () => {
  const path = join(directory, 'fifo');
  await promisify(execFile)('mkfifo', [path]);
  const open = () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const first = open();
  const child = await begin(
    'exec $LOGS 2>fifo',
    'json',
    `write(1); writeFileSync('pid', process.pid + '.'); setInterval(() => undefined, 1000);
process.once('SIGUSR1', () => { write(${MUCH}); writeFileSync('written', '.'); }); process.once('SIGUSR2', () => leave(3));`,
  );
  const exited = exitOf(child);
  const bytes = Buffer.alloc(64 * 1024);
  let text = '';
  const read = (fifo: number) => {
    try {
      text += bytes.toString('utf8', 0, readSync(fifo, bytes));
    } catch {
      // Nothing is there yet.
    }
    return text;
  };
  await expect.poll(() => read(first)).toContain('"number":0');
  closeSync(first);
  const pid = await pidOf();
  process.kill(pid, 'SIGUSR1');
  await fileOf('written').toBe('.');
  const second = open();
  await expect.poll(() => entriesOf(read(second)).at(-1)).toEqual(['number', MUCH]);
  closeSync(second);
  expect(expectAll(text, 'json', MUCH + 1)).toBe(0);
  process.kill(pid, 'SIGUSR2');
  expect(await exited).toBe(3);
});
