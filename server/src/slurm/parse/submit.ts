import { linesOf } from '../../domain/text.ts';
import { MAX_ANSWER } from './limits.ts';
import { joinedLines, MAX_READ, slurmMessage } from './messages.ts';

/** What sbatch answered. */
export type SubmitAnswer =
  /** `message`: what it said beside the number, such as a warning, in lines; null: nothing. */
  | { readonly kind: 'accepted'; readonly slurmJobId: string; readonly message: string | null }
  /** Slurm took no job; `message` is its own words. */
  | { readonly kind: 'rejected'; readonly message: string }
  /** It was never asked: there is no job, and the fault may go away. */
  | { readonly kind: 'not-asked'; readonly message: string }
  /**
   * sbatch failed in a way that doesn't tell whether a job was made. `isRefusal`: if there is none, then sbatch itself
   * didn't want it, and will not the next time.
   */
  | { readonly kind: 'unknown'; readonly message: string; readonly isRefusal: boolean };

/** Words for an answer that was lost, as opposed to one that says no (src/common/slurm_errno.c). */
const LOST_ANSWER =
  /unable to contact|timed out|zero bytes|standby mode|communications? (?:connection|shutdown|send|receive)|message (?:send|receive) failure|insane message length|connection (?:refused|reset)|transport endpoint|unexpected message/i;

/** There was nobody to send the request to (src/common/slurm_protocol_api.c, slurm_open_controller_conn). */
const NOT_CONNECTED = /unable to contact slurm controller \(connect failure\)/i;

/**
 * Whether one of Slurm's commands says that it got no answer. Other programs of the login may say the like. Of pages, the
 * start and the end are read.
 */
export function isLostAnswer(stderr: string): boolean {
  const half = MAX_READ / 2;
  const read = stderr.length <= MAX_READ ? stderr : `${stderr.slice(0, half)}\n${stderr.slice(-half)}`;
  return linesOf(read).some((line) => /^(?:slurm|s[a-z]+:)/.test(line) && LOST_ANSWER.test(line));
}

/** Whether a message of one of Slurm's commands, as `slurmMessage` gives it, says that nobody answered. */
export function tellsOfNoAnswer(message: string): boolean {
  return LOST_ANSWER.test(message);
}

const NUMBER = /^(\d{1,10})(?:;[\w.-]+)?$/;

/** A line of what was said beside a number: by plug-ins on standard output, by sbatch itself on standard error. */
function plain(line: string): string {
  return (
    line
      .replace(/^sbatch: /, '')
      // Colours of a terminal.
      .replace(/\p{Cc}\[[0-9;]*[A-Za-z]/gu, '')
      .replace(/\p{Cc}+/gu, ' ')
      .trimEnd()
  );
}

/**
 * `--parsable` prints `id` or `id;cluster` as the last line that looks so; a plug-in may print lines of its own. More
 * than is ever asked for isn't read: whether a job was made is then unknown.
 */
export function parseSubmit(exitCode: number, stdout: string, stderr: string): SubmitAnswer {
  if (stdout.length + stderr.length > MAX_ANSWER) {
    return { kind: 'unknown', message: 'sbatch printed more than can be read', isRefusal: false };
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
  // A number in spite of a failure leaves it open whether there is a job.
  if (exitCode === 0 || wasKilled || id !== undefined) return { kind: 'unknown', message, isRefusal: false };
  if (NOT_CONNECTED.test(stderr)) return { kind: 'not-asked', message };
  if (LOST_ANSWER.test(stderr)) return { kind: 'unknown', message, isRefusal: false };
  // sbatch says why it refuses; one that is silent may have been a script around it that swallowed what it said.
  return said === '' ? { kind: 'unknown', message, isRefusal: true } : { kind: 'rejected', message };
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
