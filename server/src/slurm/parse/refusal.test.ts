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

  // Words of sites, which have those of faults in them.
  it.each([
    ...['GPU hours quota exceeded for account abc', 'Request memory, else the node may run out of memory'],
    ...['Interactive connection jobs are only allowed on partition dev', 'No such device: gpu type h200 is not here'],
    ...[
      'More than 4 GPUs: please try again with --exclusive',
      '/scratch/foo: No such file or directory, set --comment',
    ],
    ...['QOS long is not found on this plugin partition', 'The account plugin requires version 2 of the project code'],
    ...[
      'We could not find your account in this context, see docs',
      'Your token of munge users timed out, ask the desk',
    ],
    ...['lua: no authentication of your project: connection refused', 'Your config file has an error'],
  ])('of a plug-in that says "%s", is one', (words) => {
    const submit = 'sbatch: error: Batch job submission failed: Unspecified error';
    const filter = 'sbatch: error: cli_filter plugin terminated with error';
    for (const last of [submit, filter]) {
      expect(parseSubmit(1, '', `sbatch: error: ${words}\n${last}\n`)).toMatchObject({ kind: 'rejected' });
    }
  });

  // As 22.05 and 26.05 print it: the values are those of the job.
  it.each([
    ...['error: Invalid --acctg-freq specification: VALUE', 'error: unrecognized --mem-bind argument "VALUE"'],
    ...['error: unrecognized --hint argument "VALUE", see --hint=help', 'error: invalid --profile=VALUE option'],
    ...['error: Invalid numeric value "VALUE" for first arg of -B.', "unrecognized option '--VALUE=1'"],
    'error: Invalid numeric value "VALUE" for --ntasks-per-node.',
    'error: governor of VALUE is not allowed in slurm.conf\nsbatch: error: Invalid --cpu-freq argument',
    'error: Bad rlimit name: VALUE\nsbatch: error: --propagate=VALUE is not valid.',
    'error: whatever\nInvalid time specification (pos=0): VALUE\nsbatch: error: Invalid --begin specification',
  ])('of an option, whatever its value, is one: %s', (said) => {
    for (const value of ['connection', 'plugin-load', 'munge', 'timed out', 'configuration file', 'I/O error']) {
      const stderr = `sbatch: ${said.replaceAll('VALUE', value)}\n`;
      expect(parseSubmit(1, '', stderr), value).toMatchObject({ kind: 'rejected' });
    }
  });

  it.each([
    'error: Batch job submission failed: Invalid MPI plugin name',
    'error: Batch job submission failed: Cannot use federated operations',
    'error: cannot find container bundle',
  ])('of what only this job asks for, is one: %s', (said) => {
    expect(parseSubmit(1, '', `sbatch: ${said}\n`)).toMatchObject({ kind: 'rejected' });
  });

  it.each([
    'error: Munge encode failed: Failed to access "/run/munge/munge.socket.2": No such file or directory',
    'error: slurm_send_node_msg: auth_g_create: REQUEST_SUBMIT_BATCH_JOB has authentication error',
    'error: fetch_config: DNS SRV lookup failed',
    'error: s_p_parse_file: cannot stat file /etc/slurm/slurm.conf: No such file or directory',
    'error: spank: Failed to open /etc/slurm/plugstack.conf: Input/output error',
    "error: Couldn't find the specified plugin name for cli_filter/lua looking at all files",
    'error: plugin_load_from_file: dlopen(/usr/lib/slurm/job.so): cannot open shared object file',
  ])('is none where sbatch itself was kept from what it needs: %s', (said) => {
    for (const last of [
      'error: Batch job submission failed: Unspecified error',
      'error: cli_filter plugin terminated with error',
      'error: Invalid --time specification',
    ]) {
      const stderr = `sbatch: ${said}\nsbatch: ${last}\n`;
      expect(parseSubmit(1, '', stderr), last).toMatchObject({ kind: 'unknown', isFault: true });
    }
  });

  it('of a plug-in after a try without an answer leaves open whether there is a job', () => {
    for (const lost of ['slurm_receive_msg: Socket timed out on send/recv operation', 'Zero Bytes were transmitted']) {
      const stderr = `sbatch: error: ${lost}\nsbatch: error: Batch job submission failed: Unspecified error\n`;
      expect(parseSubmit(1, '', stderr).kind).toBe('unknown');
    }
  });

  it('is looked for in no time in what is as long as it can be', () => {
    const words = ['plugin', 'load', 'open', 'initialize plugin', 'sbatch: '].map((word) =>
      word.repeat(Math.floor(1_000_000 / word.length)),
    );
    for (const stderr of words) expect(parseSubmit(1, '', `sbatch: error: ${stderr}`).kind).toBe('unknown');
  });
});
