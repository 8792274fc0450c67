import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { UnpackAnswer } from '../slurm/index.ts';
import { unpacked } from './unpacking.ts';

let restarts = 0;
beforeEach(() => {
  restarts = 0;
});
afterEach(() => vi.restoreAllMocks());

const MINUTE_MS = 60_000;

/** A cluster that answers in this way, each time a minute after the last. */
function cluster(answer: (question: number) => UnpackAnswer['kind']) {
  let questions = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => questions * MINUTE_MS);
  const slurm = {
    unpack: vi.fn(async (_workDir: string, _waits: boolean): Promise<UnpackAnswer> => {
      questions += 1;
      const kind = answer(questions);
      return kind === 'failed' ? { kind, message: 'tar: no', isFault: false } : { kind };
    }),
  };
  return slurm;
}

const options = {
  workDir: '/w/jobs/1',
  isLong: true,
  hasEnded: false,
  suffix: '.new',
  isWanted: async () => true,
  countRestart: () => ++restarts,
  signal: new AbortController().signal,
  lookMs: 0,
};

it('waits with the first question alone, and is over with the project', async () => {
  const slurm = cluster((question) => (question < 4 ? 'running' : 'unpacked'));
  expect(await unpacked({ ...options, slurm })).toBeNull();
  expect(slurm.unpack.mock.calls.map(([, waits]) => waits)).toEqual([true, false, false, false]);
});

it('gives the words of tar', async () => {
  expect(await unpacked({ ...options, slurm: cluster(() => 'failed') })).toMatchObject({
    message: 'tar: no',
    isFault: false,
  });
});

it('gives up for now what the login node has ended six times, which is its own fault', async () => {
  const slurm = cluster(() => 'restarted');
  expect(await unpacked({ ...options, slurm })).toEqual({
    message: expect.stringMatching(/ended 6 times without a word/),
    isFault: true,
  });
  expect(slurm.unpack).toHaveBeenCalledTimes(6);
});

it('does not wait for another login node', async () => {
  const slurm = cluster((question) => (question < 3 ? 'running' : 'elsewhere'));
  expect(await unpacked({ ...options, slurm })).toBe('later');
  expect(slurm.unpack).toHaveBeenCalledTimes(3);
});

it.each([
  ['a small project', false, 1],
  ['a large project', true, 5],
])('keeps no place for %s for more minutes than most take', async (_what, isLong, minutes) => {
  const slurm = cluster(() => 'running');
  expect(await unpacked({ ...options, slurm, isLong })).toBe('later');
  expect(slurm.unpack).toHaveBeenCalledTimes(minutes);
});

it('does not have what has failed tried again, when it is asked how that ended', async () => {
  const slurm = cluster(() => 'failed');
  expect(await unpacked({ ...options, slurm, hasEnded: true })).toMatchObject({ message: 'tar: no' });
  expect(slurm.unpack.mock.calls.map(([, waits]) => waits)).toEqual([false]);
});

it('asks no more once nobody needs the project, or nobody waits', async () => {
  const slurm = cluster(() => 'running');
  let wanted = 3;
  const isWanted = async () => wanted-- > 0;
  expect(await unpacked({ ...options, slurm, isWanted })).toBeNull();
  expect(slurm.unpack).toHaveBeenCalledTimes(3);
  expect(await unpacked({ ...options, slurm, signal: AbortSignal.abort() })).toBeNull();
  expect(slurm.unpack).toHaveBeenCalledTimes(3);
});
