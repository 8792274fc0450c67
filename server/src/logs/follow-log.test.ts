import { expect, it } from 'vitest';
import type { Job } from '../domain/job.ts';
import type { LogChunk } from '../domain/log-chunk.ts';
import { aJob } from '../domain/testing.ts';
import { createLogger } from '../telemetry/index.ts';
import { FileWatches } from './file-watch.ts';
import { followLog } from './follow-log.ts';
import { MemoryFiles } from './testing.ts';

const LONG_AGO = new Date(Date.now() - 3_600_000);
const OVER = { state: 'COMPLETED', workDir: '/w/j', startedAt: LONG_AGO, endedAt: LONG_AGO } as const;

function follow(files: MemoryFiles, job: () => Job, after = 0) {
  return followLog({
    stream: 'STDOUT',
    after,
    signal: new AbortController().signal,
    account: 'ada',
    files: files.remote,
    watches: new FileWatches(createLogger({ level: 'error', format: 'json' })),
    job: async () => job(),
  });
}

async function all(chunks: AsyncIterable<LogChunk>): Promise<LogChunk[]> {
  const told: LogChunk[] = [];
  for await (const chunk of chunks) told.push(chunk);
  return told;
}

it('a log that was cut after the end of its job is told with how long it had been', async () => {
  const files = new MemoryFiles();
  const job = aJob(OVER);
  files.content.set('/w/j/stdout.log', '');
  files.content.set('/w/j/run/job.0.end', '0 stdout=6 stderr=0\n');
  expect(await all(follow(files, () => job))).toEqual([
    { startOffset: 0, endOffset: 0, text: '', isReset: false, isComplete: true, absence: null, recordedBytes: 6 },
  ]);
});

it('a log that is emptied while it is followed is told to start over, though nothing follows', async () => {
  const files = new MemoryFiles();
  let job = aJob({ ...OVER, state: 'RUNNING', endedAt: null });
  files.content.set('/w/j/stdout.log', 'hello\n');
  const chunks = follow(files, () => job);
  expect((await chunks.next()).value).toMatchObject({ text: 'hello\n', isReset: false, isComplete: false });
  files.content.set('/w/j/stdout.log', '');
  job = aJob({ ...OVER, id: job.id });
  expect((await chunks.next()).value).toMatchObject({ endOffset: 0, text: '', isReset: true, isComplete: true });
});

it('a log whose directory goes while it is followed is told to be gone; what was read stays', async () => {
  const files = new MemoryFiles();
  let job = aJob({ ...OVER, state: 'RUNNING', endedAt: null });
  files.content.set('/w/j/stdout.log', 'hello\n');
  const chunks = follow(files, () => job);
  await chunks.next();
  files.content.clear();
  job = aJob({ ...OVER, id: job.id });
  expect((await chunks.next()).value).toMatchObject({ endOffset: 6, text: '', isReset: false, absence: 'NO_FOLDER' });
});

it.each([
  ['LOST', 'NO_FOLDER'],
  ['FAILED', 'NO_FOLDER'],
  ['COMPLETED', 'NO_FOLDER'],
  ['CANCELLED', 'NEVER_STARTED'],
  ['SUBMIT_FAILED', 'NEVER_STARTED'],
] as const)('of a job that is %s and whose start nobody saw, the log is told as %s', async (state, absence) => {
  const job = aJob({ ...OVER, state, startedAt: null });
  expect(await all(follow(new MemoryFiles(), () => job))).toMatchObject([{ absence }]);
});

it('of a job that was cancelled in a later attempt, the log is not told never to have been', async () => {
  const job = aJob({ ...OVER, state: 'CANCELLED', startedAt: null, attempt: 2 });
  expect(await all(follow(new MemoryFiles(), () => job))).toMatchObject([{ absence: 'NO_FOLDER' }]);
});

it('a job that is requeued after its end was seen is told with how long its log was in the end', async () => {
  const files = new MemoryFiles();
  files.content.set('/w/j/stdout.log', 'first\n');
  files.content.set('/w/j/run/job.0.end', '0 stdout=6 stderr=0\n');
  files.content.set('/w/j/run/job.1.end', '0 stdout=13 stderr=0\n');
  const first = aJob({ ...OVER, endedAt: new Date() });
  let isSeenRunning = false;
  const chunks = follow(files, () => {
    // Its end is too young for the log to be called complete.
    if (!files.asked.has('/w/j/run/job.0.end')) return first;
    if (!isSeenRunning) {
      isSeenRunning = true;
      return { ...first, state: 'RUNNING', attempt: 2, endedAt: null };
    }
    files.content.set('/w/j/stdout.log', 'first\nsecond\n');
    return { ...first, attempt: 2, endedAt: LONG_AGO };
  });
  expect((await all(chunks)).at(-1)).toMatchObject({ endOffset: 13, isComplete: true, recordedBytes: 13 });
  expect(isSeenRunning).toBe(true);
});

it('the job of a log is asked for once at each look, however many follow it', async () => {
  const files = new MemoryFiles();
  const watches = new FileWatches(createLogger({ level: 'error', format: 'json' }));
  const job = aJob({ ...OVER, state: 'RUNNING', endedAt: null });
  files.content.set('/w/j/stdout.log', 'hello\n');
  const ending = new AbortController();
  let asked = 0;
  const ask = async () => {
    asked += 1;
    return job;
  };
  const followers = Array.from({ length: 500 }, () =>
    followLog({
      stream: 'STDOUT',
      after: 0,
      signal: ending.signal,
      account: 'ada',
      files: files.remote,
      watches,
      job: ask,
    }),
  );
  await Promise.all(followers.map((chunks) => chunks.next()));
  const more = followers.map((chunks) => chunks.next());
  using watch = watches.open(job.clusterName, files.remote, '/w/j/stdout.log');
  // Each asks once whether there is a directory.
  const before = asked;
  expect(before).toBeLessThan(followers.length + 10);
  const looks = watch.looks;
  await expect.poll(() => watch.looks, { timeout: 20_000 }).toBeGreaterThanOrEqual(looks + 3);
  expect(asked - before).toBeLessThanOrEqual(watch.looks - looks + 2);
  ending.abort();
  await Promise.all(more);
});
