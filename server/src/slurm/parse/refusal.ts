import { linesOf } from '../../domain/text.ts';

// Only a refusal of Slurm's own ends a submission. The messages were compared with the sources of 20.11, 22.05 and 26.05:
// src/common/slurm_errno.c, slurm_opt.c, plugin.c, spank.c, read_config.c, src/sbatch and src/plugins/auth/munge.

/** What the controller, or the way to it, said last; before the colon, sbatch's own words (src/sbatch/sbatch.c). */
const FAILED = /batch job submission failed: (.*)$/i;

/** Errors of the system (errno(3)) in the words of glibc and musl, except those that a job_submit plugin may return. */
const SYSTEM_FAULT: readonly RegExp[] = [
  /input\/output error|i\/o error|no such file or directory|stale (?:nfs )?file handle|permission denied \(|no such device/i,
  /resource temporarily unavailable|cannot allocate memory|out of memory|no buffer space|no space left|quota exceeded/i,
  /too many open files|no file descriptors|file table overflow|interrupted system call|device or resource busy/i,
  /resource busy|read-only file system|broken pipe|bad file descriptor|network is (?:unreachable|down)|no route to host/i,
  /host is (?:unreachable|down)|connection|timed out|transport endpoint|try again|text file busy|remote i\/o/i,
  /exec format error|structure needs cleaning|required key not available|no such process|not connected|protocol error/i,
];

/** Of src/common/slurm_errno.c: the way to the controller, its state at the moment, or that of what it depends on. */
const PASSING: readonly RegExp[] = [
  /unexpected message|communication|message (?:send|receive) failure|insane message length|read would block/i,
  /write would block|incompatible versions|version number error|unable to contact|zero bytes|header lengths/i,
  /authentication|credential|token generation|find an address|missing socket|incoming file|outgoing file|shutting down/i,
  /plugin (?:init|file|access|has|missing)|(?<!mpi )plugin name|(?:incompatible|required|spank) plugin|rate limit|(?:zero|entire|message) length/i,
  /standby mode|submissions disabled|maxjobcount|unable to create job record|requested nodes are busy|ports are in use/i,
  /writing script|internal error|connect to database|database|lua script loading|lua function|memory management/i,
  /data has not changed|in progress|again later|again in a bit|presently disabled|invalid (?:user|group) id/i,
  /resolve (?:user|group) id|not found on host|internally wrong|tls missing/i,
  /missing unix|unable to load file|job locked|duplicate job id|unknown negative|no error|send entire message/i,
];

/** Of a line; each of many patterns is looked for in it. */
const MAX_LINE = 500;

/** A job_submit plugin refuses with this, too. */
const UNSPECIFIED = /unspecified error/i;

/** What sbatch itself says; by its name alone, as a program that can't be started is named by its path. */
const OWN = /^[\w.+-]*sbatch[\w.+-]*: (?!(?:warning|info|debug\d?): )(?:(?:error|fatal): )?(.*)$/i;
const OWN_OF_OPTIONS = /^(?:\/\S*\/)?[\w.+-]*sbatch[\w.+-]*: ((?:unrecognized|invalid|ambiguous) option|option ).*$/i;

/** sbatch couldn't read its configuration, load a plug-in, or get a credential, or failed in the system. */
const OWN_FAULT: readonly RegExp[] = [
  /configuration (?:source|file)|conf(?:ig)? file|slurm\.conf file|no slurm\.conf|fetch[ _](?:remote )?configs?|dns srv/i,
  /temporary config|res_nsearch|munge|auth_g|has (?:authentication )?error|lookup failed/i,
  /parse error|parsing error|parse_(?:file|buffer)|dlopen|plugrack|shared (?:object|librar)/i,
  /failed to (?:open|initiali[sz]e|register|fetch|read|write)|unable to (?:open|read|establish|process|allocate)|cannot stat/i,
  /could not (?:establish|open|write|create)|internal parsing error|allocation failure|getcwd|gethostname|getrlimit|: fork/i,
];

/**
 * The same as sbatch says it, from the first word on. A plug-in of the site says why it refuses a job on a line of
 * sbatch's, too, in words of any kind ("GPU hours quota exceeded").
 */
const EXACT_FAULT: readonly RegExp[] = [
  /^(?:if munged is up|munge (?:en|de)code failed|parse error in|parsing error at|clustername needs|no slurm\.conf)/i,
  /^(?:plugindir: |bad value ".*" for plugindir|plugrack|incompatible slurm plugin|error while loading shared)/i,
  /^(?:unable to|could not|failed to|cannot) (?:open|read|write|fetch|stat|load|establish|process|allocate|register) /i,
  /^failed to initiali[sz]e .*plugin|^couldn't (?:find|load) (?:the )?specified plugin/i,
  /^cannot (?:find|create|open|load) [\w/-]+ (?:plugin|context)\b/i,
  /^(?:fork|getcwd|gethostname|getrlimit|dlopen|allocation failure)\b/i,
];
/** Whose words follow: functions of Slurm's, which no plug-in of a site writes before its reasons. */
const FUNCTION = /^(?:_?[a-z]+_\w*: )+/i;
const SPANK = /^spank: /i;

/** Of a plug-in or its context, in the same part of what sbatch says. */
const PLUGIN = /plugin|context/i;
const NOT_LOADED = /not found|load|missing|incompatible|detected|version|find\b|open\b|create\b|initiali[sz]e\b/i;

/** What sbatch says about options and scripts, and the last words of a cli_filter plugin that refuses a job. */
const OWN_REFUSAL: readonly RegExp[] = [
  /^invalid\b|--[a-z]|^-s\/|\boptions?\b|mutually exclusive|specif|\bscript|argument|only permitted|not permitted/i,
  /priority must|too few processes|rejecting|exclusive access|set by (?:two|environment)|is not handled|line must start/i,
  /terminated with error|post-option processing failed|unexpected `|unmatched `|can not have|inconsistent values/i,
  /one-task-per-sharing|node list|container bundle/i,
];

/** What is about an option whatever the value that it repeats, or the last words of a plug-in that refuses a job. */
const DECIDED = /^(?:invalid|unrecognized|ambiguous|bad) |terminated with error$|post-option processing failed/i;

/** The values in a line about an option. */
const VALUES = /"[^"]*"|'[^']*'|=\S*/g;

/** sbatch had no answer at an earlier try, in words of Slurm's own. */
const LOST_BEFORE =
  /^(?:[\w.-]+: )*(?:unable to contact|\w* ?timed out|zero bytes|slurm backup|communications? |message |insane|connection |transport |unexpected message)/i;

/**
 * Whether sbatch's error output is a refusal of this job, which it would meet again: by the controller, or by sbatch
 * because of the options or the script. Anything else is a fault of the login node or of the way to Slurm.
 */
export function isRefusal(stderr: string): boolean {
  const { lines, own, failed } = read(stderr);
  const isFaulty = own.some(isExactFault);
  if (failed !== undefined) {
    return !isAny(PASSING, failed) && !isSystemFault(failed) && !(isFaulty && UNSPECIFIED.test(failed));
  }
  if (isFaulty) return false;
  return own.some(isOwnRefusal) || lines.some((line) => OWN_OF_OPTIONS.test(line));
}

/**
 * Whether what sbatch said besides a refusal may tell that an earlier try of its own had no answer, so that Slurm may have
 * the job. `lost`: such messages. Of what it refuses by itself it has sent nothing.
 */
export function isAfterLostAnswer(stderr: string, lost: RegExp): boolean {
  const { own, failed } = read(stderr);
  if (failed === undefined) return false;
  // Beside this there are words of a plug-in of the site.
  return UNSPECIFIED.test(failed)
    ? own.some((words) => LOST_BEFORE.test(words) && lost.test(words))
    : lost.test(stderr);
}

/** Whether an error is one of the system, such as that of a disk, in whatever program. */
export function isSystemFault(words: string): boolean {
  return isAny(SYSTEM_FAULT, words);
}

/** `own`: what sbatch itself says; `failed`: what the controller, or the way to it, said last. */
function read(stderr: string) {
  const lines = [...linesOf(stderr)].map((line) => line.slice(0, MAX_LINE).trim());
  return {
    lines,
    own: lines.flatMap((line) => OWN.exec(line)?.[1] ?? []),
    failed: lines.flatMap((line) => FAILED.exec(line)?.[1] ?? []).at(-1),
  };
}

function isExactFault(words: string): boolean {
  const said = words.replace(SPANK, '').replace(FUNCTION, '');
  if (isAny(EXACT_FAULT, said)) return true;
  return FUNCTION.test(words) && (isOwnFault(words) || isSystemFault(words) || isAny(PASSING, words));
}

function isOwnRefusal(words: string): boolean {
  const kept = words.replaceAll(VALUES, '');
  if (DECIDED.test(words)) return !isAny(PASSING, kept.split(':')[0] ?? '');
  return isAny(OWN_REFUSAL, words) && !isOwnFault(kept) && !isSystemFault(kept);
}

function isOwnFault(words: string): boolean {
  const parts = words.split(':');
  return isAny(OWN_FAULT, words) || parts.some((part) => PLUGIN.test(part) && NOT_LOADED.test(part));
}

function isAny(patterns: readonly RegExp[], words: string): boolean {
  return patterns.some((pattern) => pattern.test(words));
}
