import { quote } from '../ssh/index.ts';

/**
 * How the batch script of a double ends, which found its folder claimed by another Slurm job: neither a success nor
 * the end of what the job was to run. No code of the shell's own (126 and more) or of sysexits(3); the command may end
 * with it all the same, so the claim decides.
 */
export const DOUBLE_EXIT_CODE = 113;

export interface BatchScriptParts {
  readonly jobId: string;
  /** Absolute, on the cluster. */
  readonly workDir: string;
  readonly clusterPrologue: string | null;
  readonly projectPrologue: string | null;
  readonly condaEnv: string | null;
  readonly command: string;
}

/**
 * The batch script of a job. It holds no directive: options go to sbatch as arguments, where nothing has to be
 * escaped for a second parser. Prologues and command stand in a quoted here-document and are run by a bash of their
 * own, so that no mistake in them can break what the script records about the end.
 *
 * The environment's values are not part of it, because the script is shown to people and they may be secrets.
 */
export function batchScript(parts: BatchScriptParts): string {
  const commands = [parts.clusterPrologue, parts.projectPrologue, condaActivation(parts.condaEnv), parts.command]
    .filter((text) => text !== null && text.trim() !== '')
    .join('\n');
  const end = `END_OF_${parts.jobId}`;
  if (commands.includes(end)) throw new TypeError('The commands hold the line that would end them');
  // Names of its own, since an assignment to a name that the login exports would reach the job.
  return `#!/bin/bash -l
# SlurmQL job ${parts.jobId}

# What start-up files may have set would change what follows. The command has a bash of its own.
set +euCf +o pipefail
unalias -a

slurmql_directory=${quote(parts.workDir)}
slurmql_task="\${SLURM_ARRAY_TASK_ID:-job}"
slurmql_id="\${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}"
slurmql_claim="$slurmql_directory/run/$slurmql_task.claim"
slurmql_record="$slurmql_directory/run/$slurmql_task.\${SLURM_RESTART_COUNT:-0}"

# One job of Slurm's owns this folder: should sbatch have been run twice after a lost answer, only one of them works.
ln -s "$slurmql_id" "$slurmql_claim" 2>/dev/null || [ "$(readlink "$slurmql_claim")" = "$slurmql_id" ] || {
  [ -L "$slurmql_claim" ] || {
    echo "Nothing was run: $slurmql_directory can't be written from this node." >&2
    exit 1
  }
  echo "Slurm job $slurmql_id is a double of $(readlink "$slurmql_claim") and does nothing." >&2
  exit ${DOUBLE_EXIT_CODE}
}

# Start and end of each attempt, written whole or not at all: they tell the truth when Slurm's database can't.
# A line in the workspace's one file of activity says that there is something new to see.
slurmql_mark() {
  printf '%s\\n' "$2" >"$slurmql_record.$1.part" && mv "$slurmql_record.$1.part" "$slurmql_record.$1"
  { printf '%s\\n' "$1 $SLURM_JOB_ID" >>"\${slurmql_directory%/jobs/*}/activity"; } 2>/dev/null
}
# How much was written to the logs: what is seen of them elsewhere may be late.
slurmql_size() {
  { wc -c <"$slurmql_directory/$1\${SLURM_ARRAY_TASK_ID:+-$SLURM_ARRAY_TASK_ID}.log"; } 2>/dev/null
}
slurmql_mark start "job=$SLURM_JOB_ID at=$(date +%s)"
slurmql_told=
# A signal that nothing takes would end bash itself, with the code of its last command as that of the job.
trap 'slurmql_told=yes; exit 143' TERM INT
# Slurm signals every process of a job: what is needed to write of the end is not to be ended itself.
trap 'slurmql_code=$?; trap "" TERM INT; slurmql_mark end "job=$SLURM_JOB_ID code=$slurmql_code\${slurmql_told:+ interrupted} at=$(date +%s) stdout=$(slurmql_size stdout) stderr=$(slurmql_size stderr)"; exit "$slurmql_code"' EXIT

IFS= read -r -d '' slurmql_commands <<'${end}'
${commands}
${end}
# bash may keep it in a temporary file, for which there has to be room.
[ -n "$slurmql_commands" ] || {
  echo "Nothing was run: bash on this node couldn't read the command." >&2
  exit 1
}

. "$slurmql_directory/environment.sh" || exit
cd "$slurmql_directory/source" || exit
slurmql_interrupted=
slurmql_payload=
trap 'slurmql_interrupted=yes; slurmql_told=yes; kill -TERM "$slurmql_payload" 2>/dev/null' TERM INT
# In the background, because bash puts a trap off until its foreground command has ended.
bash -c "$slurmql_commands" &
slurmql_payload=$!
# One that came when there was nobody yet to pass it on to.
[ -z "$slurmql_interrupted" ] || kill -TERM "$slurmql_payload" 2>/dev/null
wait "$slurmql_payload"
slurmql_code=$?
while [ -n "$slurmql_interrupted" ]; do
  slurmql_interrupted=
  wait "$slurmql_payload"
  slurmql_again=$?
  case $slurmql_again in
    # So bash says that it has told of the end before, which came together with the signal.
    127 | -1) ;;
    *) slurmql_code=$slurmql_again ;;
  esac
done
exit "$slurmql_code"
`;
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
  return variables.map(({ name, value }) => `export ${name}=${quote(value)}\n`).join('');
}
