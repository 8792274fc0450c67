import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fixture } from '../testing.ts';
import { slurmMessage } from './messages.ts';
import { parseSubmit, rejectedField } from './submit.ts';

const recorded = z
  .array(z.object({ label: z.string(), exitCode: z.int(), stdout: z.string(), stderr: z.string() }))
  .parse(JSON.parse(fixture('sbatch-answers.json')));

function answer(label: string) {
  const found = recorded.find((each) => each.label === label);
  if (found === undefined) throw new Error(`there is no recorded answer ${label}`);
  return parseSubmit(found.exitCode, found.stdout, found.stderr);
}

describe("sbatch's recorded answers of a real Slurm 22.05.8", () => {
  it('give the number of the job that was taken', () => {
    expect(answer('completed')).toEqual({ kind: 'accepted', slurmJobId: '1', message: null });
    expect(answer('array')).toEqual({ kind: 'accepted', slurmJobId: '8', message: null });
  });

  it.each([
    ['bad-partition', 'partition', 'invalid partition specified: nope'],
    ['bad-account', 'account', 'Invalid account or account/partition combination specified'],
    ['bad-gres', 'gpuType', 'Invalid generic resource (gres) specification'],
    ['bad-memory', 'memoryMb', 'Memory specification can not be satisfied'],
    ['bad-array', 'array', 'Invalid job array specification'],
    ['bad-array-text', 'array', 'Invalid job array specification'],
    ['bad-option', 'extraOptions', "unrecognized option '--gpu-nonsense=1'"],
    ['bad-constraints', null, 'Requested node configuration is not available'],
    ['bad-feature', null, 'Invalid feature specification'],
  ])('name what was wrong: %s is about %s', (label, field, words) => {
    const rejected = answer(label);
    if (rejected.kind !== 'rejected') throw new Error(`${label} is ${rejected.kind}`);
    expect(rejected.message).toContain(words);
    expect(rejected.message).not.toMatch(/sbatch: |\n/);
    expect(rejectedField(rejected.message)).toBe(field);
  });

  it('say that there is no job when there was no controller to send it to', () => {
    expect(answer('sbatch-down')).toEqual({
      kind: 'not-asked',
      message: expect.stringContaining('Unable to contact slurm controller (connect failure)'),
    });
  });

  it('leave it open when nothing at all was printed, as --quiet does', () => {
    expect(answer('quiet')).toMatchObject({ kind: 'unknown' });
  });
});

describe('an answer of sbatch', () => {
  const pages = '\n'.repeat(2_000_000);
  it.each([
    ['its answer', 0, `42\n${pages}`, ''],
    ['its messages', 0, '42\n', pages],
    ['a refusal', 1, '', `sbatch: error: invalid account\n${pages}`],
  ])('leaves it open whether there is a job where it has no end: %s', (_what, exitCode, stdout, stderr) => {
    expect(parseSubmit(exitCode, stdout, stderr)).toMatchObject({ kind: 'unknown', isFault: false });
  });

  it('keeps what was said beside the number, in its own words and lines', () => {
    const stderr =
      "sbatch: warning: can't run 1 processes on 2 nodes, setting nnodes to 1\nsbatch: lua: \x1b[1mquota\x1b[0m: 80 %\n";
    expect(parseSubmit(0, 'Welcome!\n42\n', stderr)).toEqual({
      kind: 'accepted',
      slurmJobId: '42',
      message: "Welcome!\nwarning: can't run 1 processes on 2 nodes, setting nnodes to 1\nlua: quota: 80 %",
    });
    const pages = parseSubmit(0, '42\n', 'x'.repeat(100_000));
    expect(pages.kind === 'accepted' && pages.message).toMatch(/^x{1900,}… \(98,\d{3} characters cut\)$/);
  });

  it.each([
    ['1234\n', '1234'],
    ['1234;alpha\n', '1234'],
    ['1234;my-cluster.example\r\n', '1234'],
    ['Welcome!\nlua: checking your quota\n42\n', '42'],
    ['7\n1234\n', '1234'],
    ['1234\nthank you\n', '1234'],
  ])('%j is job %s', (stdout, slurmJobId) => {
    expect(parseSubmit(0, stdout, 'sbatch: warning: something')).toMatchObject({ kind: 'accepted', slurmJobId });
  });

  it.each([
    ['0', '', 'sbatch: warning'],
    ['0', 'Submitted batch job 12\n', ''],
    ['0', '-5\n', ''],
  ])('with code %s, %j and %j does not tell whether there is a job', (code, stdout, stderr) => {
    expect(parseSubmit(Number(code), stdout, stderr).kind).toBe('unknown');
  });

  // The messages are those of src/common/slurm_errno.c for a conversation that broke off.
  it.each([
    'Unable to contact slurm controller (receive failure)',
    'Socket timed out on send/recv operation',
    'Zero Bytes were transmitted or received',
    'Communication connection failure',
    'Communication shutdown failure',
    'Message send failure',
    'Message receive failure',
    'Insane message length',
    'Unexpected message received',
    'Connection reset by peer',
    'Transport endpoint is not connected',
  ])('%s may stand for a job that runs', (words) => {
    expect(parseSubmit(1, '', `sbatch: error: Batch job submission failed: ${words}\n`).kind).toBe('unknown');
  });

  it.each([
    ['killed', 137],
    ['terminated', 143],
    ['hung up', 129],
  ])('of an sbatch that was %s (code %i) does not tell whether there is a job', (_how, code) => {
    expect(parseSubmit(code, '', '').kind).toBe('unknown');
  });

  it('that holds a number and yet a failure does not say that there is no job', () => {
    expect(parseSubmit(1, '1234\n', 'sbatch: error: something went wrong afterwards\n').kind).not.toBe('rejected');
  });

  it('always has a message', () => {
    expect(parseSubmit(0, '', '').kind).toBe('unknown');
    expect(parseSubmit(1, '', '')).toEqual({
      kind: 'unknown',
      message: 'sbatch ended with code 1 and printed no job number',
      isFault: false,
    });
  });
});

describe('the words of Slurm for people', () => {
  it('leave out who says them, and say each sentence once', () => {
    expect(
      slurmMessage(
        'sbatch: error: invalid partition\nsbatch: error: invalid partition\n\nslurm_load_jobs: error: no\n',
      ),
    ).toBe('invalid partition; no');
    expect(slurmMessage('')).toBe('');
  });

  it.each([
    ['Invalid qos specification', 'qos'],
    ['Requested time limit is invalid (missing or exceeds some limit)', 'timeLimitMinutes'],
    ['Job dependency problem', 'dependsOn'],
    ["User's group not permitted to use this partition", 'partition'],
    ['Requested partition configuration not available now', 'partition'],
    // It may be any of the limits of an account, a QOS or a user.
    ["Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", null],
    ["unrecognized option '--account-name=x'", 'extraOptions'],
    ['Requested node configuration is not available', null],
    ['Access/permission denied', null],
  ])('%j is about %s', (message, field) => {
    expect(rejectedField(message)).toBe(field);
  });
});
