import { linesOf } from '../domain/text.ts';
import { quote } from '../ssh/index.ts';
import { SlurmUnavailable, UnreadableAnswer } from './errors.ts';
import { Budget, MAX_PATH } from './parse/limits.ts';
import { slurmMessage } from './parse/messages.ts';
import type { Runner } from './runner.ts';
import { type Section, type SectionResult, script } from './shell.ts';
import { shown } from './workspace.ts';

// Whoever may write to a directory above the workspace can replace what is in it, and so have their own commands run by
// the login's jobs. sshd is as strict with the way to authorized_keys (sshd_config, StrictModes). Of access lists,
// POSIX ones show in the group's bits (their mask); those of NFSv4 can't be seen by any portable means.

const TIMEOUT_MS = 60_000;
const KIND_BITS = 0o170000;
const DIRECTORY = 0o040000;
const STICKY = 0o1000;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const INSIDE = 'inside';
const UNCLEAR = 'unclear';
/** Lines of the way to the workspace, links included: a path has room for half as many names. */
const MAX_STEPS = 4096;
/** A path behind the names of its owner and group, in UTF-16 units. */
const MAX_LINE = MAX_PATH + 1024;

/**
 * The section `safety`: the login, with its group where nobody else is in that; then all that lies on the way to
 * `path`, which is the workspace or below it, from the root on, links taken one by one. The line `inside` comes behind
 * the workspace itself, and the line `unclear` comes first if a name has a line feed in it. Ends with exit code 0 only if
 * all of it is told: what a command that died has left out would be taken for safe. `isMade`: the path exists.
 */
export function safetySection(workspace: string, path: string, isMade = false): Section {
  return {
    name: 'safety',
    command: `walk() {
  rest=$1 links=0 whole=yes
  set --
  [ -n "$at" ] || set -- /
  while [ -n "$rest" ]; do
    name=\${rest%%/*}
    case $rest in */*) rest=\${rest#*/} ;; *) rest= ;; esac
    case $name in
      '' | .) continue ;;
      ..) at=\${at%/*}; continue ;;
      *'
'*) echo ${UNCLEAR} ;;
    esac
    if [ ! -h "$at/$name" ]; then
      [ -e "$at/$name" ] || { whole=; break; }
      at=$at/$name
      set -- "$@" "$at"
      continue
    fi
    links=$((links + 1))
    [ "$links" -le 40 ] || { whole=; break; }
    set -- "$@" "$at/$name"
    # A line feed at its end is a part of the name.
    target=$(readlink "$at/$name" && echo .) || { told= whole=; break; }
    rest=\${target%??}/$rest
    case $rest in /*) at= ;; esac
  done
  [ $# = 0 ] || LC_ALL=C stat -c '%f:%u:%g:%U:%G:%n' -- "$@" || told=
}
told=yes
user=$(id -un) group=$(id -gn) private=
if [ "$user" = "$group" ]; then
  case $(getent group "$group" 2>/dev/null) in *:*:*: | *:*:*:"$user") private=$(id -g) ;; esac
fi
printf '%s:%s:%s\\n' "$(id -u)" "$private" "$user"
at=
walk ${quote(workspace)}
[ -z "$whole" ] || { echo ${INSIDE}; walk ${quote(path.slice(workspace.length + 1))}; }
[ -n "$told" ]${isMade ? ' && [ -n "$whole" ]' : ''}`,
  };
}

interface Step {
  readonly path: string;
  readonly mode: number;
  readonly uid: string;
  readonly gid: string;
  readonly owner: string;
  readonly group: string;
}

/**
 * Why others than the login and root could put something in the place of what lies in the workspace, with what mends
 * it; null: nobody could. `told`: the section `safety`. `trusted`: names of users and groups that may. Throws
 * UnreadableAnswer for more than lies on any way.
 */
export function safetyFault(workspace: string, told: string, trusted: readonly string[]): string | null {
  const [first = '', ...lines] = fewLines(told);
  const [uid = '', privateGroup = '', user = ''] = first.split(':');
  const workspaceAt = lines.indexOf(INSIDE) - 1;
  if (lines.includes(UNCLEAR)) {
    return `the way to the workspace ${shown(workspace)} leads through a name with a line feed in it, and can't be checked`;
  }
  const steps = lines.filter((line) => line !== INSIDE).map(stepOf);
  if (uid === '' || steps[0]?.path !== '/' || steps.some(({ mode }) => Number.isNaN(mode))) {
    return `the login doesn't tell who may write to the workspace ${shown(workspace)}`;
  }
  const isSticky = ({ mode }: Step) => (mode & STICKY) !== 0;
  const stickyPaths = new Set(steps.filter(isSticky).map(({ path }) => path));
  for (const [index, step] of steps.entries()) {
    const [path, owner, group] = [shown(step.path), shown(step.owner), shown(step.group)];
    const unsafe = (what: string, mend: string | null, name: string | null) =>
      sentence({ workspace: shown(workspace), user: shown(user), path, what, mend, name });
    const isOwn = step.uid === uid || step.uid === '0' || trusted.includes(step.owner);
    const belongs = () => unsafe(`belongs to ${owner}`, null, owner);
    if ((step.mode & KIND_BITS) !== DIRECTORY) {
      // Its owner may replace a link where others can't, in a sticky directory.
      const parent = step.path.slice(0, step.path.lastIndexOf('/')) || '/';
      if (!isOwn && stickyPaths.has(parent)) return belongs();
      continue;
    }
    if (!isOwn) return belongs();
    // What others put into the workspace itself would be taken for its own.
    const isAbove = workspaceAt < 0 || index < workspaceAt;
    if (isAbove && isSticky(step)) continue;
    const mend = `have ${owner} run "chmod ${isAbove ? '+t' : 'go-w'} ${path}"`;
    if ((step.mode & OTHERS_WRITE) !== 0) return unsafe('can be written by everybody', mend, null);
    const isShared = (step.mode & GROUP_WRITES) !== 0 && step.gid !== privateGroup && !trusted.includes(step.group);
    if (isShared) return unsafe(`can be written by the group ${group}`, mend, group);
  }
  return null;
}

interface Unsafe {
  readonly workspace: string;
  readonly user: string;
  readonly path: string;
  readonly what: string;
  /** What another user may do about it; null: only another directory helps. */
  readonly mend: string | null;
  /** Whom one may trust by it; null: nobody in particular. */
  readonly name: string | null;
}

function sentence({ workspace, user, path, what, mend, name }: Unsafe): string {
  const trust =
    name === null ? [] : [`if you trust ${name} with your account there, add "workspace_trusts: [${name}]"`];
  const ways = [
    `Set "workspace" in clusters.yaml to a directory that only ${user} and root can write to, all the way up, such as ~/slurmql`,
    ...(mend === null ? [] : [mend]),
    ...trust,
  ];
  return (
    `the workspace ${workspace} isn't safe: ${path} ${what}, who could have their own commands run as ${user}. ` +
    ways.join('; or ')
  );
}

/** Its lines that aren't empty. Throws UnreadableAnswer. */
function fewLines(told: string): readonly string[] {
  const lines: string[] = [];
  const count = new Budget(MAX_STEPS, 'steps on the way to the workspace');
  for (const line of linesOf(told)) {
    count.take(1);
    if (line.length > MAX_LINE) throw new UnreadableAnswer('a step on the way to the workspace is too long for a path');
    if (line !== '') lines.push(line);
  }
  return lines;
}

function stepOf(line: string): Step {
  const [, mode = '', uid = '', gid = '', owner = '', group = '', path = ''] =
    /^([0-9a-f]+):(\d+):(\d+):([^:]*):([^:]*):(.*)$/.exec(line) ?? [];
  return { path, mode: Number.parseInt(mode, 16), uid, gid, owner, group };
}

/** The same asked by itself. Throws what the runner throws, or SlurmUnavailable where there is no answer. */
export async function findSafetyFault(
  runner: Runner,
  workspace: string,
  trusted: readonly string[],
): Promise<string | null> {
  const ask = script(null, '', [safetySection(workspace, `${workspace}/jobs`)]);
  const { stdout, stderr } = await runner.run(ask.text, { timeoutMs: TIMEOUT_MS, kind: 'probe' });
  const section = ask.read(stdout, 'safety');
  if (section === null) {
    throw new SlurmUnavailable(slurmMessage(ask.errors(stderr)) || `who may write to ${shown(workspace)} isn't told`);
  }
  return safetyFault(workspace, wholeOf(section), trusted);
}

/** What `safetyFault` reads of the section `safety`. */
export function wholeOf(section: SectionResult | null): string {
  return section?.exitCode === 0 ? section.output : '';
}
