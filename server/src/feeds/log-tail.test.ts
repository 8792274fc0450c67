import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Job } from '../domain/job.ts';
import type { LogChunk } from '../domain/log-chunk.ts';
import { aJob } from '../domain/testing.ts';
import { FileWatches } from '../logs/index.ts';
import { MemoryFiles } from '../logs/testing.ts';
import { createLogger } from '../telemetry/index.ts';
import { logTail } from './log-tail.ts';
import { Jobs } from './testing.ts';

let jobs: Jobs;
let files: MemoryFiles;
let watches: FileWatches;
beforeEach(async () => {
  jobs = await Jobs.open();
  files = new MemoryFiles();
  watches = new FileWatches(createLogger({ level: 'error', format: 'json' }));
});
afterEach(() => jobs[Symbol.asyncDispose]());

const LONG_AGO = new Date(Date.now() - 3_600_000);
const OVER = { state: 'COMPLETED', startedAt: LONG_AGO, endedAt: LONG_AGO } as const;

/** A job that has written this to its log. */
async function jobWith(text: string, parts: Partial<Job> = {}): Promise<Job> {
  const job = aJob({ workDir: '/w/j', state: 'RUNNING', startedAt: LONG_AGO, ...parts });
  await jobs.create(job);
  write(text);
  files.content.set('/w/j/run/job.0.end', `0 stdout=${Buffer.byteLength(text)} stderr=0\n`);
  return job;
}
const write = (text: string) => files.content.set('/w/j/stdout.log', text);

function tail(job: Job, after = 0, signal = new AbortController().signal) {
  const clusters = { files: () => files.remote };
  return logTail(job, { stream: 'STDOUT', after, signal }, { ...jobs, clusters, watches });
}

async function allAfter(job: Job, after = 0): Promise<LogChunk[]> {
  const chunks: LogChunk[] = [];
  for await (const chunk of tail(job, after)) chunks.push(chunk);
  return chunks;
}
const textOf = (chunks: readonly LogChunk[]) => chunks.map(({ text }) => text).join('');

it('a reader that stops after any chunk resumes without loss or repetition, in chunks of a bounded size', async () => {
  // A character of two bytes lies across each MiB.
  const text = `x${'é'.repeat(1_300_000)}`;
  const job = await jobWith(text, OVER);
  const chunks = await allAfter(job);
  expect(textOf(chunks) === text).toBe(true);
  expect(chunks.length).toBeGreaterThanOrEqual(3);
  for (const [index, { startOffset, endOffset }] of chunks.entries()) {
    expect(endOffset - startOffset).toBeLessThanOrEqual(1024 * 1024);
    const before = textOf(chunks.slice(0, index + 1));
    expect(before + textOf(await allAfter(job, endOffset)) === text).toBe(true);
  }
});

it('goes on with what is written, and ends once the job is over and its log has been read', async () => {
  const job = await jobWith('one\n');
  const chunks = tail(job);
  expect((await chunks.next()).value).toMatchObject({ text: 'one\n', endOffset: 4, isComplete: false });
  write('one\ntwo\n');
  expect((await chunks.next()).value).toMatchObject({ text: 'two\n', endOffset: 8, isComplete: false });
  files.content.set('/w/j/run/job.0.end', '0 stdout=8 stderr=0\n');
  await jobs.change(job.id, OVER);
  expect((await chunks.next()).value).toMatchObject({ text: '', endOffset: 8, isComplete: true, recordedBytes: 8 });
  expect(await chunks.next()).toEqual({ done: true, value: undefined });
  expect(watches.size).toBe(0);
});

it('at a position behind the end of a log that was truncated meanwhile, it begins anew with a reset', async () => {
  const job = await jobWith('new\n');
  const chunks = tail(job, 100);
  expect((await chunks.next()).value).toMatchObject({ startOffset: 0, text: 'new\n', isReset: true });
  await chunks.return();
});

it('at the end of a log that is over, or behind it, nothing is told but the end', async () => {
  const job = await jobWith('all\n', OVER);
  for (const after of [4, 100]) {
    expect(await allAfter(job, after)).toMatchObject([{ endOffset: 4, text: '', isReset: false, isComplete: true }]);
  }
});

it('ends when it is aborted, also while it waits for the job to write', async () => {
  const job = await jobWith('one\n');
  const reading = new AbortController();
  const chunks = tail(job, 0, reading.signal);
  await chunks.next();
  const next = chunks.next();
  await nextTurn();
  reading.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});
