/** What sbatch answered. */
export type SubmitAnswer =
  | { readonly kind: 'accepted'; readonly slurmJobId: string }
  /** Slurm took no job; `message` is its own words. */
  | { readonly kind: 'rejected'; readonly message: string }
  /** sbatch failed in a way that doesn't tell whether a job was made. */
  | { readonly kind: 'unknown'; readonly message: string };

/** Words for an answer that was lost, as opposed to one that says no (src/common/slurm_errno.c). */
const LOST_ANSWER = new RegExp(
  [
    'unable to contact',
    'timed out',
    'zero bytes',
    'standby mode',
    'communications? (?:connection|shutdown|send|receive)',
    'message (?:send|receive) failure',
    'insane message length',
    'connection (?:refused|reset)',
    'transport endpoint',
    'unexpected message',
  ].join('|'),
  'i',
);

/** Whether one of Slurm's commands says that it got no answer. Other programs of the login may say the like. */
export function isLostAnswer(stderr: string): boolean {
  return stderr.split('\n').some((line) => /^(?:slurm|s[a-z]+:)/.test(line) && LOST_ANSWER.test(line));
}

/** `--parsable` prints `id` or `id;cluster` as the last line that looks so; a plug-in may print lines of its own. */
export function parseSubmit(exitCode: number, stdout: string, stderr: string): SubmitAnswer {
  const id = stdout
    .split('\n')
    .map((line) => /^(\d+)(?:;[\w.-]+)?$/.exec(line.trim())?.[1])
    .findLast((found) => found !== undefined);
  if (exitCode === 0 && id !== undefined) return { kind: 'accepted', slurmJobId: id };
  const message = slurmMessage(stderr) || `sbatch ended with code ${exitCode} and printed no job number`;
  // A number in spite of a failure, or an sbatch that was killed (129 and more; 255 is its own), leaves it open whether there is a job.
  const isOpen = exitCode === 0 || (exitCode > 128 && exitCode < 255) || id !== undefined || LOST_ANSWER.test(stderr);
  if (isOpen) return { kind: 'unknown', message };
  return { kind: 'rejected', message };
}

/** A command's error output as one line for people: without the command's name, each sentence once. */
export function slurmMessage(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) =>
      line.replace(/^(?:sbatch|squeue|sacct|scancel|scontrol|sinfo|slurm_\w+): (?:error: |fatal: )?/, '').trim(),
    )
    .filter(Boolean);
  return [...new Set(lines)].join('; ');
}

/** Which field of the input Slurm's words are about; null when they don't tell. */
export function rejectedField(message: string): string | null {
  const fields: readonly (readonly [RegExp, string | null])[] = [
    [/accounting\/QOS policy/i, null],
    [/unrecognized option|invalid option|invalid --|ambiguous/i, 'extraOptions'],
    [/invalid account or account\/partition/i, 'account'],
    [/partition/i, 'partition'],
    [/account/i, 'account'],
    [/qos/i, 'qos'],
    [/gres|gpu/i, 'gpuType'],
    [/time limit|wall ?time/i, 'timeLimitMinutes'],
    [/memory/i, 'memoryMb'],
    [/array/i, 'array'],
    [/dependency/i, 'dependsOn'],
  ];
  return fields.find(([pattern]) => pattern.test(message))?.[1] ?? null;
}
