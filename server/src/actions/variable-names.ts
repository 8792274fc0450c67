import { quotedName } from '../domain/text.ts';

/** Assigning to one of these is an error of bash's (man bash, Shell Variables). */
const READ_ONLY = new Set(['BASHOPTS', 'BASH_VERSINFO', 'EUID', 'PPID', 'SHELLOPTS', 'UID']);

/** Variables that bash sets itself: a value from outside never reaches the script (each name tried on bash 5.2). */
const OWN = new Set(
  `_ BASH BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_EXECUTION_STRING BASH_LINENO
  BASH_SOURCE BASH_SUBSHELL BASH_VERSION COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS FUNCNAME GROUPS HISTCMD IFS
  LINENO OLDPWD OPTERR OPTIND PIPESTATUS PWD RANDOM SECONDS SHLVL SRANDOM`.split(/\s+/),
);

/** Why a job can't have a variable of this name; null: it can. */
export function faultInVariableName(name: string): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return `${quotedName(name)} is not a valid variable name: use letters, digits and "_", with no digit first`;
  }
  if (READ_ONLY.has(name)) return `${name} can't be set: it is read-only in bash`;
  if (OWN.has(name)) return `${name} can't be set here, because bash sets it itself: set it in the command`;
  if (/^(?:SLURM|SBATCH)_/.test(name)) return `${name} is reserved for Slurm: set it in the command`;
  if (/^slurmql_/i.test(name)) return `${name} is reserved for SlurmQL: use another name`;
  return null;
}
