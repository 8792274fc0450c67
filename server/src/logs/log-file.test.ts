import { expect, it } from 'vitest';
import type { Job } from '../domain/job.ts';
import { aJob, NO_RESOURCES } from '../domain/testing.ts';
import { RemoteFileError, type RemoteFiles, SshUnavailable } from '../ssh/index.ts';
import { openLog } from './log-file.ts';

const OVER = aJob({ state: 'COMPLETED', workDir: '/w/j', startedAt: new Date(), endedAt: new Date() });
const RUNNING = aJob({ state: 'RUNNING', workDir: '/w/j', startedAt: new Date() });
const ARRAY = aJob({ resources: { ...NO_RESOURCES, array: '0-1' }, workDir: '/w/j' });

/** `stat`: the fault that it throws, or null where there is no file. */
function filesWith(stat: Error | null, isDirectory = true): RemoteFiles {
  const answer = async () => {
    if (stat !== null) throw stat;
    return null;
  };
  return { stat: answer, isDirectory: async () => isDirectory } as unknown as RemoteFiles;
}
const refused = (kind: RemoteFileError['fault']) => new RemoteFileError(kind, '/w/j/stdout.log', 'no');

it.each<[string, Job, RemoteFiles, string, RegExp]>([
  ['an array', ARRAY, filesWith(null), 'missing', /its tasks have/],
  ['a job that runs and has not written yet', RUNNING, filesWith(null), 'missing', /does not exist yet/],
  ['a job whose file is gone', OVER, filesWith(null), 'missing', /no longer has this file/],
  ['a job whose directory is gone', OVER, filesWith(null, false), 'missing', /no longer on the cluster/],
  ['a job that never started', aJob({ state: 'SUBMIT_FAILED' }), filesWith(null), 'missing', /never started/],
  ['a file that may not be read', OVER, filesWith(refused('permission-denied')), 'denied', /can't be read: no/],
  ['what is no file', OVER, filesWith(refused('not-a-file')), 'broken', /can't be read: no/],
  ['a cluster that is away', OVER, filesWith(new SshUnavailable('away')), 'unavailable', /can't be read: away/],
])('the log of %s is refused with its reason', async (_what, job, files, kind, message) => {
  expect(await openLog(files, job, 'STDOUT')).toEqual({ kind, message: expect.stringMatching(message) });
});

it('a fault of the server is no refusal', async () => {
  await expect(openLog(filesWith(new TypeError('a fault')), OVER, 'STDOUT')).rejects.toThrow('a fault');
});
