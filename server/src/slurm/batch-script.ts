import { quote } from '../ssh/index.ts';

/**
 * The exit code of a double, a batch script that finds its directory claimed by another Slurm job. Not a code of the
 * shell (126 and more) or of sysexits(3). The job's command may exit with it, too, so the claim decides.
 */
export const DOUBLE_EXIT_CODE = 113;

/**
 * Below a job's directory, the empty one in which sbatch is run: nothing of the project is in reach there. The batch script
 * names the project in its place wherever the job would see it.
 */
export const SUBMIT_DIRECTORY = 'submit/empty';

export interface BatchScriptParts {
  readonly jobId: string;
  /** Absolute, on the cluster. */
  readonly workDir: string;
  readonly clusterPrologue: string | null;
  readonly projectPrologue: string | null;
  readonly condaEnv: string | null;
  readonly command: string;
}

/** A pattern of `SUBMIT_DIRECTORY`, also after the next submission has put it aside. */
const SUBMITTED = SUBMIT_DIRECTORY.replace('/', '*/');

/** In one line, because bash prints it after `set -v`. */
const END_BEGINS =
  '{ slurmql_code=$? slurmql_last=$BASH_COMMAND; builtin trap "" HUP INT QUIT ALRM TERM USR1 USR2 XCPU; ' +
  'builtin set +xv; builtin trap - DEBUG; } >/dev/null 2>&1';

/**
 * The batch script of a job. It has no directives: options go to sbatch as arguments, which need no escaping for a
 * second parser. The values of environment variables are not in it, because the script is shown to users and they may
 * be secrets.
 *
 * The command runs in the very process that Slurm started, as in a script with `#!/bin/bash -l`: its signals, process
 * group and exit status are those that Slurm sees, and the login's functions exist. That process runs three shells in
 * turn: one that has read no start-up file claims the directory; a login shell reads the start-up files and runs the
 * command; and if a start-up file ends the shell, a new one continues with what it had set.
 */
export function batchScript(parts: BatchScriptParts): string {
  const before = [parts.clusterPrologue, parts.projectPrologue, condaActivation(parts.condaEnv)]
    .filter((text) => text !== null && text.trim() !== '')
    .map((text) => `${text}\n`)
    .join('');
  const commands = `${before}slurmql_begin\n${parts.command}`;
  const end = `END_OF_${parts.jobId}`;
  if (commands.includes(end)) throw new TypeError('The commands hold the line that would end them');
  // What the job may have put in the place of a record is never opened, as a named pipe would keep it waiting for ever:
  // it is removed, and the record is a new file. Names of its own, since an assignment to a name that the login exports
  // would reach the job. Start-up files may have functions and aliases for anything: what runs behind them is parsed
  // before them, and says which commands it means. Nothing of ours says "exit" once the command has begun, as bash
  // would read ~/.bash_logout then, which may end with a code of its own; before that, HOME names no such file.
  return `#!/bin/bash
# SlurmQL job ${parts.jobId}

slurmql_directory=${quote(parts.workDir)}
slurmql_task=\${SLURM_ARRAY_TASK_ID:-job}
slurmql_record=$slurmql_directory/run/$slurmql_task.\${SLURM_RESTART_COUNT:-0}

if [ -z "\${slurmql_stage-}" ]; then
  # One job of Slurm's owns this directory: if sbatch was run twice after a lost answer, only one of the two jobs works.
  slurmql_id=\${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}
  slurmql_claim=$slurmql_directory/run/$slurmql_task.claim
  PATH=/usr/bin:/bin:$PATH command ln -s "$slurmql_id" "$slurmql_claim" 2>/dev/null || {
    slurmql_owner=$(PATH=/usr/bin:/bin:$PATH command readlink "$slurmql_claim") || {
      echo "Nothing was run: $slurmql_directory can't be written from this node." >&2
      exit 1
    }
    [ "$slurmql_owner" = "$slurmql_id" ] || {
      echo "Slurm job $slurmql_id is a double of $slurmql_owner and does nothing." >&2
      exit ${DOUBLE_EXIT_CODE}
    }
  }
  # sbatch tells in SLURM_SUBMIT_DIR where it was run (src/sbatch/sbatch.c); prologs and scripts around it tell it in
  # others, such as PBS_O_WORKDIR. They are to name the project. What was lost lies under a longer name than "submit".
  case \${SLURM_SUBMIT_DIR-} in
    *"/\${slurmql_directory##*/}"/${SUBMITTED})
      slurmql_empty=$SLURM_SUBMIT_DIR
      slurmql_source=\${SLURM_SUBMIT_DIR%/${SUBMITTED}}/source
      for slurmql_name in $(compgen -e); do
        while [[ \${!slurmql_name} == *"$slurmql_empty"* ]]; do
          export "$slurmql_name=\${!slurmql_name%%"$slurmql_empty"*}$slurmql_source\${!slurmql_name#*"$slurmql_empty"}" || break
        done
      done
      ;;
  esac
  # Start and end of each attempt tell the truth when Slurm's database can't. A line in the workspace's one file of
  # activity says that there is something new to see.
  (
    umask 077
    PATH=/usr/bin:/bin:$PATH
    command rm -f "$slurmql_record.start"
    printf 'job=%s at=%(%s)T\\n' "$SLURM_JOB_ID" -1 >|"$slurmql_record.start"
    slurmql_activity=\${slurmql_directory%/jobs/*}/activity
    ${onlyFile('$slurmql_activity')} || command rm -f "$slurmql_activity"
    printf '%s\\n' "start $SLURM_JOB_ID" >>"$slurmql_activity"
  ) 2>/dev/null || :
  export slurmql_stage=login
  # Its start-up files are read below, where they can't end the job.
  exec /bin/bash --noprofile -l "$0"
fi

IFS= read -r -d '' slurmql_commands <<'${end}' || :
${commands}
${end}

{
  # bash may keep it in a temporary file, for which there has to be room.
  [ -n "$slurmql_commands" ] || {
    echo "Nothing was run: bash on this node couldn't read the command." >&2
    exit 1
  }
  slurmql_was=$slurmql_stage
  # sbatch was given it under this name, so that no bash reads it before its turn.
  [ -z "\${slurmql_bash_env-}" ] || export BASH_ENV=$slurmql_bash_env
  unset -v slurmql_stage slurmql_bash_env

  # How the shell ended, in one line that is written at once, in whatever state the command has left its shell. The
  # logs' sizes are told, as what is seen of them elsewhere may be late; nothing is opened that the job may have replaced.
  # A signal that nothing traps ends bash with the code of the command before it, and while that signal's command is
  # still the current one; whatever else ends bash, on the way out of the "eval" below.
  # From the second command on, no signal keeps the end from being written: bash would take one more for an order to leave
  # at once. What the command's own "set -x" or DEBUG trap would tell of it is no part of the job's log.
  printf -v slurmql_end '%s\\nslurmql_forced= slurmql_record=%q slurmql_logs=%q slurmql_suffix=%q slurmql_id=%q\\n' \\
    '${END_BEGINS}' \\
    "$slurmql_record" "$slurmql_directory" "\${SLURM_ARRAY_TASK_ID:+-$SLURM_ARRAY_TASK_ID}" "$SLURM_JOB_ID"
  slurmql_end+='case $slurmql_last in
  "eval "?"eval "?"\\$slurmql_commands"* | exit | "exit "* | "builtin exit"*) slurmql_sure= ;;
  *) slurmql_sure=" unsure" ;;
esac
'
  slurmql_write='{
  umask 077
  slurmql_size() { ! ${onlyFile('$1')} || PATH=/usr/bin:/bin:$PATH command stat -c %s "$1"; }
  PATH=/usr/bin:/bin:$PATH command rm -f "$slurmql_record.end"
  builtin printf "job=%s code=%s%s at=%(%s)T stdout=%s stderr=%s\\n" "$slurmql_id" "$slurmql_code" "$slurmql_sure" -1 \\
    "$(slurmql_size "$slurmql_logs/stdout$slurmql_suffix.log")" \\
    "$(slurmql_size "$slurmql_logs/stderr$slurmql_suffix.log")" >|"$slurmql_record.end"
  slurmql_activity=\${slurmql_logs%/jobs/*}/activity
  ${onlyFile('$slurmql_activity')} || PATH=/usr/bin:/bin:$PATH command rm -f "$slurmql_activity"
  builtin printf "%s\\n" "end $slurmql_id" >>"$slurmql_activity"
} 2>/dev/null || :
'
  # Before the command has begun, no end is a good one.
  slurmql_unbegun=$slurmql_end'case $slurmql_code$slurmql_sure in
  0)
    echo "Nothing was run: what runs before the command ended the job." >&2
    slurmql_code=1 slurmql_forced=yes
    ;;
esac
'$slurmql_write'[ -z "$slurmql_forced" ] || { HOME=; builtin exit 1; }
'
  slurmql_end+=$slurmql_write

  if [ "$slurmql_was" = login ]; then
    # Start-up files that end the shell, or turn it into another one, are made for people at a terminal.
    # POSIX mode (POSIXLY_CORRECT) allows no such function, and ends the shell over one.
    case :$SHELLOPTS: in
      *:posix:*) ;;
      *) exec() {
        [ "$BASHPID" = "$$" ] || builtin exec "$@"
      } ;;
    esac
    trap '
      unset -f exec
      (
        umask 077
        PATH=/usr/bin:/bin:$PATH command rm -f "$slurmql_record.shell"
        # Setting an option for compatibility, even to what it is, would set BASH_COMPAT too.
        shopt -p | PATH=/usr/bin:/bin:$PATH command sed /compat/d >|"$slurmql_record.shell"
        { declare -f; alias -p; set +o; } >>"$slurmql_record.shell"
      )
      [ -z "\${BASH_ENV-}" ] || export slurmql_bash_env=$BASH_ENV
      unset -v BASH_ENV
      export slurmql_stage=fresh
      builtin exec /bin/bash --noprofile -l "$0"' EXIT
    # As bash itself does for a login shell (man bash, INVOCATION).
    [ ! -r /etc/profile ] || . /etc/profile || :
    for slurmql_file in ~/.bash_profile ~/.bash_login ~/.profile; do [ ! -r "$slurmql_file" ] || break; done
    [ ! -r "$slurmql_file" ] || . "$slurmql_file" || :
    [ ! -r "\${BASH_ENV-}" ] || . "$BASH_ENV" || :
    unset -f exec || :
    # One that is set for each command is meant for the job's.
    { slurmql_debug=$(builtin trap -p DEBUG); builtin trap - DEBUG; } >/dev/null 2>&1
  else
    ! ${onlyFile('$slurmql_record.shell')} || . "$slurmql_record.shell" 2>/dev/null || :
    PATH=/usr/bin:/bin:$PATH command rm -f "$slurmql_record.shell"
  fi

  # One that a start-up file has set for the end of its shell holds.
  case $(builtin trap -p EXIT) in '' | *slurmql_*) builtin trap "$slurmql_unbegun" EXIT ;; esac

  slurmql_begin() {
    # That the command has begun: without it, no good end is believed.
    (umask 077 && PATH=/usr/bin:/bin:$PATH command rm -f "$slurmql_record.command" && : >|"$slurmql_record.command") || {
      echo "Nothing was run: $slurmql_directory can't be written from this node." >&2
      HOME=; builtin exit 1
    }
    case $(builtin trap -p EXIT) in *slurmql_*) builtin trap "$slurmql_end" EXIT ;; esac
    builtin set -- "\${slurmql_debug-}"
    unset -v slurmql_directory slurmql_task slurmql_record slurmql_commands slurmql_was slurmql_end slurmql_write \\
      slurmql_unbegun slurmql_file slurmql_base slurmql_debug
    unset -f slurmql_begin
    builtin eval "$1"
  }

  # The variables that were asked for, and the project, win over the start-up files.
  ${onlyFile('$slurmql_directory/environment.sh')} && . "$slurmql_directory/environment.sh" || {
    HOME=; builtin exit 1
  }
  [ "$PWD" = "$slurmql_directory/source" ] || builtin cd "$slurmql_directory/source" || {
    HOME=; builtin exit 1
  }
}
eval 'eval "$slurmql_commands"'
`;
}

/** A condition: a file and no link is at the path, which is a word in double quotes. */
function onlyFile(path: string): string {
  return `{ [ ! -h "${path}" ] && [ -f "${path}" ]; }`;
}

/** Shell lines that activate a conda environment wherever conda is installed; they end the job when they can't. */
function condaActivation(condaEnv: string | null): string | null {
  if (condaEnv === null) return null;
  return `if ! command -v conda >/dev/null; then
  for slurmql_base in "$HOME"/miniconda3 "$HOME"/miniforge3 "$HOME"/mambaforge "$HOME"/anaconda3 /opt/conda; do
    if [ -f "$slurmql_base/etc/profile.d/conda.sh" ]; then . "$slurmql_base/etc/profile.d/conda.sh"; break; fi
  done
fi
eval "$(conda shell.bash hook)" && conda activate ${quote(condaEnv)} || {
  echo ${quote(`The conda environment ${condaEnv} can't be activated.`)} >&2
  exit 1
}`;
}

/** The file that the batch script reads its variables from: mode 0600, and on the cluster alone. */
export function environmentFile(variables: readonly { readonly name: string; readonly value: string }[]): string {
  // A name that the login made read-only keeps its value: then the job has not what it was to have.
  return variables.map(({ name, value }) => `export ${name}=${quote(value)} || return\n`).join('');
}
