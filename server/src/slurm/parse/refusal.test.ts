import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fixture } from '../testing.ts';
import { parseSubmit } from './submit.ts';

const recorded = z
  .array(
    z.object({ release: z.string(), label: z.string(), exitCode: z.int(), stdout: z.string(), stderr: z.string() }),
  )
  .parse(JSON.parse(fixture('sbatch-faults.json')));

/** By what each was recorded of: the others are faults of the login node. */
const KINDS: Readonly<Record<string, string>> = {
  ...{ 'no-controller': 'not-asked', 'bad-option': 'rejected', 'bad-time': 'rejected' },
  ...{ 'bad-script': 'rejected', exclusive: 'rejected' },
};

describe('what the sbatch of a login node says whose', () => {
  it.each(recorded)('$release, $label', ({ label, exitCode, stdout, stderr }) => {
    const kind = KINDS[label];
    const fault = { kind: 'unknown', isFault: true };
    expect(parseSubmit(exitCode, stdout, stderr)).toMatchObject(kind === undefined ? fault : { kind });
  });
});

const failed = (words: string) => parseSubmit(1, '', `sbatch: error: Batch job submission failed: ${words}\n`);

describe('the words of the controller, or of the way to it,', () => {
  // Those of src/common/slurm_errno.c of 20.11 to 26.05, and of errno(3).
  it.each([
    ...['Protocol authentication error', 'Invalid authentication credential', 'Authentication credential expired'],
    ...['Incompatible versions of client and server code', 'Plugin initialization failed', 'Plugin file not found'],
    ...['Unable to connect to database', 'I/O error writing script/environment to file', 'MaxJobCount limit reached'],
    ...['Unable to create job record, try again', 'Requested nodes are busy', 'Required ports are in use'],
    ...[
      'System submissions disabled',
      'Rate limit exceeded, please retry later',
      'Unable to resolve user ID to user name',
    ],
    ...['Slurm backup controller in standby mode', 'Controller is in standby mode, try a different controller'],
    ...['Slurm internal error, contact system administrator', 'Error generating job credential', 'Invalid user id'],
    ...['Unable to contact slurm controller (send failure)', 'Connection timed out establishing', 'Read would block'],
    ...['Process is shutting down and closing all communications', 'Lua script loading failed due to invalid syntax'],
    ...['Header lengths are longer than data received', 'Received zero length message', 'TLS missing but required'],
    ...['Resource temporarily unavailable', 'No such file or directory', 'Input/output error', 'Stale file handle'],
    ...['Cannot allocate memory', 'Too many open files', 'No route to host', 'Network is unreachable', 'Broken pipe'],
  ])('%s, are no refusal', (words) => {
    expect(failed(words)).toMatchObject({ kind: 'unknown', isFault: true });
  });

  it.each([
    ...[
      'Invalid partition name specified',
      'Access/permission denied',
      'Requested node configuration is not available',
    ],
    ...[
      'Invalid account or account/partition combination specified',
      'Job dependency problem',
      'Invalid qos specification',
    ],
    ...["Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", 'Unspecified error'],
    ...[
      'Required partition not available (inactive or drain)',
      'Partition in DOWN state',
      'Invalid feature specification',
    ],
    ...['Requested GRES option unsupported by configured SelectType plugin', 'Invalid job array specification'],
    ...['Requested time limit is invalid (missing or exceeds some limit)', 'Requested reservation not usable now'],
    ...[
      'Job container type not configured',
      'words of a release to come',
      'Operation not permitted',
      'Permission denied',
    ],
  ])('%s, are a refusal', (words) => {
    expect(failed(words)).toMatchObject({ kind: 'rejected' });
  });
});

describe('a refusal', () => {
  it.each([
    [
      'of a job_submit plugin',
      'sbatch: error: lua: say how much memory\nsbatch: error: Batch job submission failed: Unspecified error',
    ],
    [
      'of a cli_filter plugin',
      'sbatch: error: lua: no GPU named\nsbatch: error: cli_filter plugin terminated with error',
    ],
    [
      'of options that exclude each other',
      'sbatch: fatal: --exclusive and --oversubscribe options are mutually exclusive',
    ],
    ['of an option, by the path of sbatch', "/opt/slurm/bin/sbatch: unrecognized option '--nonsense'"],
    ['of an option, by another name', 'sbatch.real: error: Invalid --time specification'],
    [
      'after a warning',
      "sbatch: warning: can't run 1 processes on 2 nodes\nsbatch: error: Invalid node list specified",
    ],
    [
      'of the controller after a plug-in that could not be loaded',
      'sbatch: error: spank: Failed to open /etc/slurm/plugstack.conf: Permission denied\nsbatch: error: Batch job submission failed: Invalid qos specification',
    ],
    [
      'of a script',
      'sbatch: error: Batch script contains DOS line breaks (\\r\\n)\nsbatch: error: instead of expected UNIX line breaks (\\n).',
    ],
  ])('%s, is one', (_what, stderr) => {
    expect(parseSubmit(1, '', `${stderr}\n`)).toMatchObject({ kind: 'rejected' });
  });

  it.each([
    [
      'of a program before sbatch',
      1,
      'Traceback (most recent call last):\n  File "/opt/bin/sbatch", line 3\nOSError: [Errno 116] Stale file handle',
    ],
    ['of a shell that can not start it', 126, '/bin/sh: 1: exec: sbatch: Permission denied'],
    [
      'of a plug-in without credential',
      1,
      'sbatch: error: Munge encode failed: Expired credential\nsbatch: error: Batch job submission failed: Unspecified error',
    ],
    ['of a warning alone', 1, "sbatch: warning: can't run 1 processes on 2 nodes, setting nnodes to 1"],
    [
      'of an option after a disk that is away',
      1,
      'sbatch: error: s_p_parse_file: unable to read "/etc/slurm/slurm.conf": Input/output error\nsbatch: error: Invalid --time specification',
    ],
  ])('%s, is none', (_what, exitCode, stderr) => {
    expect(parseSubmit(exitCode, '', `${stderr}\n`)).toMatchObject({ kind: 'unknown', isFault: true });
  });

  it('whose earlier try had no answer leaves open whether there is a job, and is no fault', () => {
    const lost = 'sbatch: error: slurm_receive_msg: Socket timed out on send/recv operation';
    const refused = 'sbatch: error: Batch job submission failed: Invalid qos specification';
    expect(parseSubmit(1, '', `${lost}\n${refused}\n`)).toMatchObject({ kind: 'unknown', isFault: false });
  });

  it('is looked for in no time in what is as long as it can be', () => {
    const words = ['plugin', 'load', 'open', 'initialize plugin', 'sbatch: '].map((word) =>
      word.repeat(Math.floor(1_000_000 / word.length)),
    );
    for (const stderr of words) expect(parseSubmit(1, '', `sbatch: error: ${stderr}`).kind).toBe('unknown');
  });
});
