import { bounded, ownText } from '../domain/text.ts';
import { type WorkspacePart, workspaceParts } from '../domain/workspace.ts';
import { SlurmUnavailable } from './errors.ts';
import { MAX_NAME, MAX_PATH } from './parse/limits.ts';
import { LOGIN_VARIABLES, type Section } from './shell.ts';

/** Where nothing sets it. */
const OWN_NAME = '\n[ -n "$value" ] || value=$(id -un)';

/** The section `workspace`: what the login has for the variables and users in the path, one a line, in their order. */
export function workspaceSection(workspace: string): Section {
  const lines = namesIn(workspace).map((part) => {
    if (part.kind === 'home') return `printf '%s\\n' ~${part.user}`;
    const { name } = part;
    // What sites set (SCRATCH, WORK) is often known to login shells alone.
    return `value=\${${name}-}
for way in login bash; do
  [ -z "$value" ] || break
  login_variables "$way"
  value=$(login_value ${name}) || exit
done${/^(?:USER|LOGNAME)$/.test(name) ? OWN_NAME : ''}
printf '%s\\n' "$value"`;
  });
  return { name: 'workspace', command: [LOGIN_VARIABLES, ...lines, ':'].join('\n') };
}

/**
 * Where the workspace lies. `told`: the section `workspace`. Throws SlurmUnavailable for variables and users that the
 * login doesn't know, and for a path that can't hold a workspace.
 */
export function absoluteWorkspace(workspace: string, home: string, told: string): string {
  const count = namesIn(workspace).length;
  if (told.length > count * (MAX_PATH + 1)) throw tooLong(workspace);
  const values = told.split('\n').slice(0, -1);
  if (values.length !== count) {
    throw new SlurmUnavailable(`the login doesn't tell where the workspace ${workspace} is`);
  }
  let path = '';
  for (const part of workspaceParts(workspace)) {
    if (part.kind === 'text') path += part.text;
    else if (part.kind === 'home' && part.user === null) path += ownHome(home);
    else path += knownValue(part, values.shift() ?? '', workspace);
  }
  if (Buffer.byteLength(path) > MAX_PATH) throw tooLong(workspace);
  // sbatch reads a backslash in its file name patterns as "no replacements" (man sbatch, FILENAME PATTERN). What is
  // kept of the answer is not to keep all of it.
  if (/^\/[^\\\p{Cc}]*$/u.test(path)) return ownText(path);
  throw new SlurmUnavailable(
    `the workspace would be ${JSON.stringify(shown(path))}, which is no plain absolute path. Set "workspace" in clusters.yaml`,
  );
}

/** The workspace that contains a job's directory. */
export function workspaceOf(workDir: string): string {
  return workDir.slice(0, workDir.lastIndexOf('/jobs/'));
}

/** A path of a login, or a name in it, as it stands in a message. */
export function shown(text: string): string {
  return bounded(text, MAX_NAME, { keep: 'both' });
}

function tooLong(workspace: string): SlurmUnavailable {
  const most = MAX_PATH.toLocaleString('en-US');
  return new SlurmUnavailable(
    `the workspace ${shown(workspace)} leads to a path of more than ${most} bytes on this login.` +
      ' Set "workspace" in clusters.yaml to a shorter one',
  );
}

function ownHome(home: string): string {
  // Without one, "~/slurmql" would be a directory in the root.
  if (home !== '') return home.replace(/\/$/, '');
  throw new SlurmUnavailable('the login has no home directory. Set "workspace" in clusters.yaml to an absolute path');
}

function knownValue(part: WorkspacePart, value: string, workspace: string): string {
  if (part.kind === 'variable' && value === '') {
    throw new SlurmUnavailable(
      `the workspace ${workspace} names $${part.name}, which this login doesn't set, nor does a login shell (bash -l).` +
        ' Write the path out in clusters.yaml, or set it in ~/.bash_profile',
    );
  }
  if (part.kind === 'home' && value.startsWith('~')) {
    throw new SlurmUnavailable(
      `the workspace ${workspace} lies below the home of ${part.user}, and this login knows no such user`,
    );
  }
  return value;
}

/** What has to be asked of the login, in its order. */
function namesIn(workspace: string) {
  return workspaceParts(workspace).filter(
    (part): part is Exclude<WorkspacePart, { kind: 'text' }> =>
      part.kind === 'variable' || (part.kind === 'home' && part.user !== null),
  );
}
