import { randomBytes } from 'node:crypto';
import { chmod, chown, open, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type Chunk, TAIL, Workbench } from './support/jobs.ts';
import { LogWriter, WAIT } from './support/log-writer.ts';
import { memoryDuring } from './support/memory.ts';
import { until } from './support/server.ts';
import { SMALL } from './support/slurm.ts';
import { Tail } from './support/tail.ts';

const MB = 1_000_000;
/** Above what the server takes anyway: far more than what it may keep, far less than the files of these tests. */
const MEMORY_BYTES = 400 * MB;

let slurm: LocalSlurm;
let bench: Workbench;

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [
      { ...SMALL, name: 'alpha' },
      { ...SMALL, name: 'bare', sshdConfig: ['Subsystem none /bin/false'] },
    ],
  });
  bench = await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 }));
});
afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
  await slurm?.stop();
});

const decoded = (bytes: Buffer) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

describe.concurrent('a log that is followed', () => {
  it('starts over when it is truncated, whatever comes then', async () => {
    const writer = await LogWriter.start(bench);
    const tail = writer.tail();
    await writer.append('a first line that is long\n');
    await tail.reads('a first line that is long\n');
    await truncate(writer.path, 0);
    await writer.append('short\n');
    await tail.reads('short\n');
    // Cut off and longer than before within one look: what is before the place tells.
    await writeFile(writer.path, `${'x'.repeat(100)}\n`);
    await tail.reads(`${'x'.repeat(100)}\n`);
    await writer.end();
    await tail.ended;
    expect({ resets: tail.resets, gaps: tail.gaps }).toEqual({ resets: 2, gaps: [] });
    expect(tail.chunks.at(-1)?.isComplete).toBe(true);
  });

  it('starts over when another file takes its place, shorter, longer, or of the same size', async () => {
    const writer = await LogWriter.start(bench);
    const tail = writer.tail();
    await writer.append('one\n');
    await tail.reads('one\n');
    await writer.replace('a longer file\nof two lines\n');
    await tail.reads('a longer file\nof two lines\n');
    await writer.replace('two\n');
    await tail.reads('two\n');
    await writer.replace('six\n');
    // SFTP tells whole seconds, and nothing else shows a file of the same size.
    await utimes(writer.path, new Date(), new Date(Date.now() + 5000));
    await tail.reads('six\n');
    await writer.append('more\n');
    await tail.reads('six\nmore\n');
    await writer.end();
    await tail.ended;
    expect({ resets: tail.resets, gaps: tail.gaps }).toEqual({ resets: 3, gaps: [] });
  });

  it('may be deleted and come back, or not be there at first', async () => {
    const writer = await LogWriter.start(bench);
    await rm(writer.path);
    const early = writer.tail();
    const tail = writer.tail();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await writer.append('one\n');
    await Promise.all([early.reads('one\n'), tail.reads('one\n')]);
    await rm(writer.path);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(tail.text).toBe('one\n');
    await writer.append('another file\n');
    await tail.reads('another file\n');
    await rm(writer.path);
    await writer.end();
    await Promise.all([tail.ended, early.ended]);
    expect({ resets: tail.resets, last: tail.chunks.at(-1) }).toEqual({
      resets: 1,
      last: { startOffset: 13, endOffset: 13, text: '', isReset: false, isComplete: true },
    });
  });

  it('goes on over a requeue, where the second run adds to it', async () => {
    const command = 'echo "run $((SLURM_RESTART_COUNT))"; [ "$SLURM_RESTART_COUNT" = 1 ] || sleep 300';
    const { id } = await bench.submit({ command });
    const tail = new Tail(bench.server, { id });
    await tail.reads('run 0\n');
    const requeue = 'mutation ($id: ID!) { requeueJob(input: { id: $id }) { userErrors { message } } }';
    expect(await bench.server.query(requeue, { id })).toEqual({ requeueJob: { userErrors: [] } });
    await tail.ended;
    expect(tail.text).toContain('run 0\n');
    expect(tail.text.endsWith('run 1\n')).toBe(true);
    expect({ resets: tail.resets, gaps: tail.gaps }).toEqual({ resets: 0, gaps: [] });
  }, 240_000);

  it('keeps carriage returns, and characters that are written in pieces', async () => {
    const writer = await LogWriter.start(bench);
    const tail = writer.tail();
    const bytes = Buffer.from('10%\r20%\r\n훈련 🐧\r\n');
    for (const byte of bytes) await writer.append(Buffer.from([byte]));
    // Half a character waits for its other half, for as long as that takes.
    await writer.append(Buffer.from('ü').subarray(0, 1));
    await tail.reads(bytes.toString());
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await writer.append(Buffer.from('ü').subarray(1));
    await tail.reads(`${bytes}ü`);
    await writer.append(Buffer.from([0xff, 0xc3]));
    await writer.end();
    await tail.ended;
    // The last byte is the beginning of a character that never comes.
    expect(tail.text).toBe(`${bytes}ü\ufffd\ufffd`);
    expect(tail.gaps).toEqual([]);
  });

  it('that is binary comes whole, and in pages as it does at once', async () => {
    const writer = await LogWriter.start(bench);
    // It ends with a character that is whole: half of one would be held back until more comes.
    const bytes = Buffer.concat([randomBytes(59_999), Buffer.from('\n')]);
    const tail = writer.tail();
    for (let start = 0; start < bytes.length; start += 7_001) await writer.append(bytes.subarray(start, start + 7_001));
    await tail.reads(decoded(bytes));
    await writer.end();
    await tail.ended;
    expect(tail.gaps).toEqual([]);
    let text = '';
    let offset = 0;
    for (;;) {
      const page = await writer.page(offset, 4_099);
      expect(page.startOffset).toBe(offset);
      text += page.text;
      offset = page.endOffset;
      if (page.isComplete) break;
    }
    expect(text).toBe(decoded(bytes));
    expect(await writer.page(-10 * MB, 4)).toMatchObject({ startOffset: 0 });
    expect(await writer.page(10 * MB, -1)).toMatchObject({ startOffset: 60_000, endOffset: 60_000, text: '' });
  });

  it.each(['alpha', 'bare'])('is read by its last lines on %s, however long it is', async (cluster) => {
    const writer = await LogWriter.start(bench, WAIT, cluster);
    expect(await writer.lastLines(3)).toEqual({ startOffset: 0, endOffset: 0, text: '' });
    await writer.append('one\n');
    expect(await writer.lastLines(3)).toMatchObject({ startOffset: 0, text: 'one\n' });
    await truncate(writer.path, 5 * 1024 ** 3);
    await writer.append('\nünd\n10%\r20%\r\n\nlast');
    const size = 5 * 1024 ** 3 + 20;
    expect(await writer.lastLines(1)).toEqual({ startOffset: size - 4, endOffset: size, text: 'last' });
    expect(await writer.lastLines(2)).toMatchObject({ text: '\nlast' });
    expect(await writer.lastLines(4)).toMatchObject({ text: 'ünd\n10%\r20%\r\n\nlast' });
    await writer.append('\n');
    expect(await writer.lastLines(1)).toMatchObject({ text: 'last\n' });
    const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`);
    await writer.append(lines.join(''));
    expect(await writer.lastLines(10_000, { limit: 262_144 })).toMatchObject({ text: lines.slice(-10_000).join('') });
    // Of longer lines come fewer, down to the end of one.
    expect(await writer.lastLines(2, { limit: 13 })).toMatchObject({ text: '8\nline 19999\n' });
    await writer.append(`${'ü'.repeat(200_000)}\n`);
    expect(await writer.lastLines(1)).toMatchObject({ text: `${'ü'.repeat(32_767)}\n` });
    for (const [count, more, subject] of [
      [0, {}, 'lastLines is 0'],
      [10_001, {}, 'lastLines is 10001'],
      [5, { offset: 7 }, 'offset'],
    ] as const) {
      expect(await writer.lastLines(count, more)).toMatchObject([
        { message: expect.stringContaining(subject), extensions: { code: 'BAD_USER_INPUT' } },
      ]);
    }
    await writer.end();
    await rm(writer.path);
  });

  it.each(['alpha', 'bare'])(
    'of a job on %s that is over has its end wherever behind it one begins',
    async (cluster) => {
      const writer = await LogWriter.start(bench, WAIT, cluster);
      await writer.append('hello\n');
      await writer.end();
      for (const after of [7, 1000, 10 ** 9, 10 ** 15, Number.MAX_SAFE_INTEGER]) {
        const page = await writer.page(after, 100);
        expect(page).toMatchObject({ startOffset: 6, endOffset: 6, text: '', isReset: false, isComplete: true });
        const tail = writer.tail(after);
        await tail.ended;
        expect(tail.chunks).toEqual([expect.objectContaining(page)]);
      }
    },
  );

  it.each([100, Number.MAX_SAFE_INTEGER])(
    'that runs starts over for one who comes back with %d bytes',
    async (after) => {
      const writer = await LogWriter.start(bench);
      await writer.append('begun anew\n');
      const tail = writer.tail(after);
      await tail.reads('begun anew\n');
      expect(tail.chunks[0]).toMatchObject({ startOffset: 0, isReset: true });
      await writer.end();
      await tail.ended;
    },
  );

  it('that may not be read is told of, to those who follow it and to those who read it', async () => {
    const writer = await LogWriter.start(bench);
    // Another user's, as where a job writes elsewhere by way of a link.
    await chown(writer.path, 0, 0);
    await chmod(writer.path, 0o600);
    await writer.append('secret\n');
    await expect(writer.tail().ended).rejects.toThrow('the cluster denies permission');
    await expect(writer.page(0, 100)).rejects.toThrow('the cluster denies permission');
    await writer.end();
  });

  it('is read on after the end of its job, as long as bytes come late', async () => {
    const writer = await LogWriter.start(bench, `echo early; ${WAIT}`);
    const tail = writer.tail();
    await tail.reads('early\n');
    await writer.end();
    for (const line of ['late\n', 'later\n']) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await writer.append(line);
    }
    await tail.ended;
    expect(tail.text).toBe('early\nlate\nlater\n');
  });

  it('is not taken for complete before all is there that the batch script had seen written', async () => {
    const writer = await LogWriter.start(bench, `echo early; ${WAIT}`);
    const tail = writer.tail();
    await tail.reads('early\n');
    const record = join(writer.job.workDir ?? '', 'run/job.0.end');
    await writeFile(join(writer.job.workDir ?? '', 'go'), '');
    // As on a network file system that shows the end of the job before the end of its log.
    const told = await until(
      () => readFile(record, 'utf8').catch(() => ''),
      (text) => text !== '',
    );
    expect(told).toMatch(/ stdout=6 stderr=0$/m);
    await writeFile(record, told.replace('stdout=6', 'stdout=11'));
    await bench.ended(writer.job.id);
    await new Promise((resolve) => setTimeout(resolve, 8000));
    expect(await writer.page(0, 100)).toMatchObject({ text: 'early\n', isComplete: false });
    await writer.append('late\n');
    await tail.ended;
    expect(tail.text).toBe('early\nlate\n');
    expect(await writer.page(0, 100)).toMatchObject({ text: 'early\nlate\n', isComplete: true });
  });
});

describe('a log that is large', () => {
  it('is read at its end at once, however long it is', async () => {
    const writer = await LogWriter.start(bench);
    await truncate(writer.path, 10 * 1024 ** 3);
    await writer.append('the end\n');
    const used = await memoryDuring(bench.server, async () => {
      const tail = writer.tail(-8);
      await tail.reads('the end\n');
      await writer.append('and more\n');
      await tail.reads('the end\nand more\n');
      expect(tail.chunks[0]).toMatchObject({ startOffset: 10 * 1024 ** 3, endOffset: 10 * 1024 ** 3 + 8 });
      expect((await writer.page(-5, 100)).text).toBe('more\n');
      await writer.end();
      await tail.ended;
    });
    expect(used).toBeLessThan(MEMORY_BYTES);
    await rm(writer.path);
  });

  it('comes whole where it is one line of 100 MB, for many at once, in bounded memory', async () => {
    const writer = await LogWriter.start(bench);
    const file = await open(writer.path, 'a');
    for (let part = 0; part < 100; part += 1) await file.write(Buffer.alloc(MB, 'abcdefghij'));
    await file.close();
    await writer.end();
    const used = await memoryDuring(bench.server, async () => {
      await Promise.all(
        [1, 2, 3].map(async () => {
          let offset = 0;
          let isRight = true;
          for await (const { logTail } of bench.server.subscribe<{ logTail: Chunk }>(TAIL, { id: writer.job.id })) {
            isRight &&= logTail.startOffset === offset && logTail.text.length === logTail.endOffset - offset;
            isRight &&= logTail.text.startsWith('abcdefghij'.slice(offset % 10)) || logTail.text.length < 10;
            offset = logTail.endOffset;
          }
          expect({ offset, isRight }).toEqual({ offset: 100 * MB, isRight: true });
        }),
      );
    });
    expect(used).toBeLessThan(MEMORY_BYTES);
    await rm(writer.path);
  });

  it('is not read ahead of a client that takes nothing, and others are not kept waiting by it', async () => {
    const writer = await LogWriter.start(bench);
    const line = `${'0123456789'.repeat(10)}\n`;
    await writer.append(line.repeat(2_000_000));
    let slowText = '';
    const used = await memoryDuring(bench.server, async () => {
      const socket = new WebSocket(`${bench.server.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
      socket.on('message', (data) => {
        const message = JSON.parse(String(data));
        if (message.type === 'connection_ack') {
          const payload = { query: TAIL, variables: { id: writer.job.id } };
          socket.send(JSON.stringify({ id: 'slow', type: 'subscribe', payload }));
          socket.pause();
        }
        if (message.type === 'next') slowText += message.payload.data.logTail.text;
      });
      socket.once('open', () => {
        const payload = { authorization: `Bearer ${bench.server.token}` };
        socket.send(JSON.stringify({ type: 'connection_init', payload }));
      });
      const tail = new Tail(bench.server, { id: writer.job.id, after: -101 });
      await tail.reads(line);
      for (let round = 0; round < 5; round += 1) {
        await writer.append(line);
        await tail.reads(line.repeat(round + 2));
      }
      expect(slowText).toBe('');
      socket.resume();
      await until(
        async () => slowText.length,
        (length) => length === 2_000_005 * line.length,
        120_000,
      );
      socket.terminate();
      await writer.end();
      await tail.ended;
    });
    expect(slowText === line.repeat(2_000_005)).toBe(true);
    expect(used).toBeLessThan(MEMORY_BYTES);
    await rm(writer.path);
  }, 180_000);
});

/** The last chunk of a log that is followed to its end. */
const LAST = `subscription ($id: ID!, $stream: LogStream, $after: SafeInt) {
  logTail(jobId: $id, stream: $stream, after: $after) { endOffset text isReset isComplete absence recordedBytes }
}`;
const READ = 'query ($id: ID!) { job(id: $id) { log { endOffset text absence recordedBytes } logAbsence logUrl } }';

describe.concurrent.each(['alpha', 'bare'])('a log on %s that shows nothing', (cluster) => {
  async function lastOf(id: string, stream: 'STDOUT' | 'STDERR' = 'STDOUT'): Promise<unknown> {
    let last: unknown = null;
    for await (const { logTail } of bench.server.subscribe<{ logTail: unknown }>(LAST, { id, stream })) last = logTail;
    return last;
  }
  async function read(id: string): Promise<{ log: unknown; logAbsence: string | null; logUrl: string | null }> {
    return (await bench.server.query<{ job: Awaited<ReturnType<typeof read>> }>(READ, { id })).job;
  }
  async function download(id: string): Promise<[number, string]> {
    const { logUrl } = await read(id);
    const headers = { authorization: `Bearer ${bench.server.token}` };
    const response = await fetch(`${bench.server.address}${logUrl}`, { headers });
    return [response.status, await response.text()];
  }
  const END = { endOffset: 0, text: '', isReset: false, isComplete: true };

  it('is told to be empty where the job wrote nothing', async () => {
    const { id } = await bench.submit({ command: 'echo one', cluster });
    await bench.ended(id);
    expect(await lastOf(id, 'STDERR')).toEqual({ ...END, absence: null, recordedBytes: 0 });
    expect(await lastOf(id)).toEqual({ ...END, endOffset: 4, absence: null, recordedBytes: 4 });
    await vi.waitFor(
      async () =>
        expect(await read(id)).toMatchObject({
          log: { endOffset: 4, text: 'one\n', absence: null, recordedBytes: 4 },
          logAbsence: null,
        }),
      { timeout: 60_000 },
    );
  });

  it('is told to be gone with its directory', async () => {
    const { id } = await bench.submit({ command: 'echo one; exit 1', cluster });
    const { workDir } = await bench.ended(id);
    await rm(workDir ?? '', { recursive: true });
    for (const stream of ['STDOUT', 'STDERR'] as const) {
      expect(await lastOf(id, stream)).toEqual({ ...END, absence: 'NO_FOLDER', recordedBytes: null });
    }
    expect(await read(id)).toMatchObject({ log: null, logAbsence: 'NO_FOLDER' });
    expect(await download(id)).toEqual([
      404,
      expect.stringContaining("The job's directory is no longer on the cluster"),
    ]);
  });

  it('is told to be gone where the directory is still there', async () => {
    const { id } = await bench.submit({ command: 'echo one', cluster });
    const { workDir } = await bench.ended(id);
    await rm(join(workDir ?? '', 'stdout.log'));
    expect(await lastOf(id)).toEqual({ ...END, absence: 'NO_FILE', recordedBytes: 4 });
    expect(await lastOf(id, 'STDERR')).toMatchObject({ absence: null });
    expect(await read(id)).toMatchObject({ log: null, logAbsence: 'NO_FILE' });
    expect(await download(id)).toEqual([404, expect.stringContaining('no longer has this file')]);
  });

  it('is told never to have been where the job never started', async () => {
    const { id } = await bench.submit({ command: 'echo one', cluster, extraOptions: ['--hold'] });
    expect(await read(id)).toMatchObject({ log: null, logAbsence: null });
    expect(await download(id)).toEqual([404, expect.stringContaining('The file does not exist yet')]);
    await bench.cancel(id);
    await bench.ended(id);
    expect(await lastOf(id)).toEqual({ ...END, absence: 'NEVER_STARTED', recordedBytes: null });
    expect(await read(id)).toMatchObject({ log: null, logAbsence: 'NEVER_STARTED' });
    expect(await download(id)).toEqual([404, expect.stringContaining('The job never started')]);
  });

  it('is a fault, and no absence, where the directory may not be read', async () => {
    const { id } = await bench.submit({ command: 'echo one', cluster });
    const { workDir } = await bench.ended(id);
    await chmod(workDir ?? '', 0);
    try {
      await expect(lastOf(id)).rejects.toThrow('the cluster denies permission');
      for (const field of ['log { text }', 'logAbsence']) {
        const query = `query ($id: ID!) { job(id: $id) { ${field} } }`;
        await expect(bench.server.query(query, { id })).rejects.toThrow('the cluster denies permission');
      }
    } finally {
      await chmod(workDir ?? '', 0o755);
    }
    expect(await lastOf(id)).toMatchObject({ isComplete: true, absence: null });
  });
});

describe('a cluster without SFTP', () => {
  it('is told of as such, takes jobs and shows their logs', async () => {
    const test = `mutation { testCluster(input: { name: "bare" }) { steps { name status found } userErrors { message } } }`;
    const { testCluster } = await bench.server.query<{
      testCluster: { steps: { name: string; status: string; found: string }[] };
    }>(test);
    expect(testCluster.steps.filter(({ status }) => status !== 'OK').map(({ name, status }) => [name, status])).toEqual(
      [
        ['ACCOUNTING', 'WARNING'],
        ['SFTP', 'WARNING'],
      ],
    );
    expect(testCluster.steps.find(({ name }) => name === 'SFTP')?.found).toContain(
      "SFTP doesn't work (Unable to start subsystem",
    );
    const health = `{ cluster(name: "bare") { status statusMessage } }`;
    expect(await bench.server.query(health)).toMatchObject({
      cluster: {
        status: 'ONLINE',
        statusMessage: expect.stringMatching(
          /^SFTP doesn't work on this login: Unable to start subsystem.*by commands/,
        ),
      },
    });

    const writer = await LogWriter.start(bench, `bash hello.sh world; ${WAIT}`, 'bare');
    const tails = [writer.tail(), writer.tail(-6)];
    await tails[0]?.reads('hello from world\n');
    await tails[1]?.reads('world\n');
    await writer.append('ünd more\n');
    await tails[0]?.reads('hello from world\nünd more\n');
    await writer.replace('another file, and a longer one than before\n');
    await tails[0]?.reads('another file, and a longer one than before\n');
    await writer.end();
    await Promise.all(tails.map(({ ended }) => ended));
    expect(await writer.page(-5, 100)).toMatchObject({ text: 'fore\n', isComplete: true });
  });
});
