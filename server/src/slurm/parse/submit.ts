import { linesOf } from '../../domain/text.ts';
import { MAX_ANSWER } from './limits.ts';
import { joinedLines, MAX_READ, slurmMessage } from './messages.ts';
import { isAfterLostAnswer, isRefusal } from './refusal.ts';

/** What sbatch answered. */
export type SubmitAnswer =
  /** `message`: what else it printed, such as a warning, in lines; null: nothing. */
  | { readonly kind: 'accepted'; readonly slurmJobId: string; readonly message: string | null }
  /** Slurm, or sbatch itself, refuses this job, and will do so again; `message` is its own words. */
  | { readonly kind: 'rejected'; readonly message: string }
  /** It was never asked: there is no job, and the fault may go away. */
  | { readonly kind: 'not-asked'; readonly message: string }
  /** It hasn't ended. Slurm may have the job already. */
  | { readonly kind: 'running'; readonly message: string }
  /**
   * sbatch failed in a way that leaves open whether there is a job. `isFault`: it said why, and neither Slurm nor the job is
   * at fault, but the login node or the way to Slurm; that may go away.
   */
  | { readonly kind: 'unknown'; readonly message: string; readonly isFault: boolean };

/** Messages about a lost answer, as opposed to a refusal (src/common/slurm_errno.c). */
const LOST_ANSWER =
  /unable to contact|timed out|zero bytes|standby mode|communications? (?:connection|shutdown|send|receive)|message (?:send|receive) failure|insane message length|connection (?:refused|reset)|transport endpoint|unexpected message/i;

/** The request was not sent (src/common/slurm_protocol_api.c, slurm_open_controller_conn). */
const NOT_CONNECTED = /unable to contact slurm controller \(connect failure\)/i;

/**
 * Whether one of Slurm's commands reports that it got no answer. Other programs of the login may print similar
 * messages. Of long output, the start and the end are read.
 */
export function isLostAnswer(stderr: string): boolean {
  const half = MAX_READ / 2;
  const read = stderr.length <= MAX_READ ? stderr : `${stderr.slice(0, half)}\n${stderr.slice(-half)}`;
  return linesOf(read).some((line) => /^(?:slurm|s[a-z]+:)/.test(line) && LOST_ANSWER.test(line));
}

/** Whether a message of one of Slurm's commands, as `slurmMessage` returns it, reports that it got no answer. */
export function tellsOfNoAnswer(message: string): boolean {
  return LOST_ANSWER.test(message);
}

const NUMBER = /^(\d{1,10})(?:;[\w.-]+)?$/;

/** A line printed besides the number: by plug-ins on standard output, by sbatch on standard error. */
function plain(line: string): string {
  return (
    line
      .replace(/^(?:\/\S*\/)?sbatch: /, '')
      // Colours of a terminal.
      .replace(/\p{Cc}\[[0-9;]*[A-Za-z]/gu, '')
      .replace(/\p{Cc}+/gu, ' ')
      .trimEnd()
  );
}

/**
 * `--parsable` prints `id` or `id;cluster`; a plug-in may print lines of its own, so the last such line counts. Output
 * that is too long isn't read: whether there is a job is then unknown.
 */
export function parseSubmit(exitCode: number, stdout: string, stderr: string): SubmitAnswer {
  if (stdout.length + stderr.length > MAX_ANSWER) {
    return { kind: 'unknown', message: 'sbatch printed more than can be read', isFault: false };
  }
  let id: string | undefined;
  let others = stdout;
  let from = 0;
  for (const line of linesOf(stdout)) {
    const number = NUMBER.exec(line.trim())?.[1];
    if (number !== undefined) [id, others] = [number, stdout.slice(0, from) + stdout.slice(from + line.length)];
    from += line.length + 1;
  }
  if (exitCode === 0 && id !== undefined) {
    return { kind: 'accepted', slurmJobId: id, message: joinedLines(`${others}\n${stderr}`, plain, '\n') || null };
  }
  const said = slurmMessage(stderr);
  const message = said || `sbatch ended with code ${exitCode} and printed no job number`;
  // 129 and more: it was killed; 255 is its own.
  const wasKilled = exitCode > 128 && exitCode < 255;
  // A number despite a failure leaves open whether there is a job.
  if (exitCode === 0 || wasKilled || id !== undefined) return { kind: 'unknown', message, isFault: false };
  if (NOT_CONNECTED.test(stderr)) return { kind: 'not-asked', message };
  // Without a message, a wrapper may have swallowed it.
  if (said === '') return { kind: 'unknown', message, isFault: false };
  // 126 and 127 are the shell's, which could not run it.
  const isRefused = exitCode !== 126 && exitCode !== 127 && isRefusal(stderr);
  // Slurm may have taken the job at a try before, whose answer was lost.
  if (isRefused && !isAfterLostAnswer(stderr, LOST_ANSWER)) return { kind: 'rejected', message };
  return { kind: 'unknown', message, isFault: !isRefused };
}

/** The field of the input that Slurm's message is about; null if it doesn't say. */
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
