import { LOGIN_VARIABLES, type Script, type SearchPath, script } from '../shell.ts';
import { workspaceSection } from '../workspace.ts';
import { CLEAN_QUERY } from './environment.ts';

/**
 * Looks for sbatch on the PATH; then, because many sites put it on the PATH of login shells only, in the user's login
 * shell (any shell reads commands from its standard input), in bash as a login shell, and after loading a module. Sets
 * what it found for the rest of the script. Prints how sbatch was found and the variables to set; or neither, and the
 * output of the module command.
 */
const FIND_SLURM = `${LOGIN_VARIABLES}
if command -v sbatch >/dev/null; then echo path; else
  for way in login bash module none; do
    if [ "$way" = none ]; then echo none; $limit bash -lc 'module load slurm' 2>&1 >/dev/null | tail -n 5; break; fi
    login_variables "$way"
    found=$(login_value PATH) || exit
    [ -n "$found" ] && (PATH=$found; absolute_path; command -v sbatch) >/dev/null || continue
    echo "$way"
    for name in LD_LIBRARY_PATH SLURM_CONF PATH; do
      value=$(login_value "$name") || exit
      [ -n "$value" ] || continue
      export "$name=$value"
      printf '%s=%s\\n' "$name" "$value"
    done
    absolute_path
    break
  done
fi
:`;

/**
 * The probe of a login: sections `home`, `workspace`, `clock` (epoch seconds), `search`, `version` and `configuration`.
 */
export function probeScript(workspace: string): Script {
  return script(null, CLEAN_QUERY, [
    { name: 'home', command: `printf '%s' "$HOME"` },
    workspaceSection(workspace),
    { name: 'clock', command: 'date +%s' },
    { name: 'search', command: FIND_SLURM },
    { name: 'version', command: 'sbatch --version 2>&1' },
    { name: 'configuration', command: 'scontrol show config' },
  ]);
}

/** The state of the controllers: section `ping`. The cheapest query of all: 3 ms, no lock. */
export function pingScript(searchPath: SearchPath): Script {
  return script(searchPath, CLEAN_QUERY, [{ name: 'ping', command: 'scontrol ping' }]);
}
