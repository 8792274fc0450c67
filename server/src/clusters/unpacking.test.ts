import { afterEach, expect, it, vi } from 'vitest';
import type { UnpackAnswer } from '../slurm/index.ts';
import { unpacked } from './unpacking.ts';

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
    dropUnpacking: vi.fn(async () => undefined),
  };
  return slurm;
}

const options = {
  workDir: '/w/jobs/1',
  isLong: true,
  suffix: '.new',
  isWanted: async () => true,
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

it('ends what takes longer than an hour, for the next attempt to begin anew', async () => {
  const slurm = cluster(() => 'running');
  await expect(unpacked({ ...options, slurm })).rejects.toThrow(/within 60 minutes.*tried again by itself/);
  expect(slurm.dropUnpacking).toHaveBeenCalledOnce();
});

it('does not wait for another login node', async () => {
  const slurm = cluster((question) => (question < 3 ? 'running' : 'elsewhere'));
  expect(await unpacked({ ...options, slurm })).toBe('later');
  expect(slurm.unpack).toHaveBeenCalledTimes(3);
  expect(slurm.dropUnpacking).not.toHaveBeenCalled();
});

it('does not wait for a small project that takes longer than a minute', async () => {
  const slurm = cluster(() => 'running');
  expect(await unpacked({ ...options, slurm, isLong: false })).toBe('later');
  expect(slurm.unpack).toHaveBeenCalledTimes(1);
  expect(slurm.dropUnpacking).not.toHaveBeenCalled();
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
