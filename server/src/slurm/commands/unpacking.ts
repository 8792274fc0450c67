import { randomBytes } from 'node:crypto';
import { quote } from '../../ssh/index.ts';
import { type Script, type SearchPath, script } from '../shell.ts';
import { IS_UNPACKED, nameOfWork, SHOW, workFunctions } from './job-directory.ts';

/** What the section `state` of `unpackScript` says. */
export const UNPACK_STATES = [
  'unpacked',
  'failed',
  'running',
  'elsewhere',
  'restarted',
  'unwritable',
  'missing',
] as const;

/** What the section `unpacking` of `lookScript` says. */
export const UNPACKING_STATES = ['ended', 'running', 'elsewhere', 'over'] as const;

/** A shell function: whether the project's files were sent and not yet taken up. */
const HAS_FILES = 'has_files() { [ -f source.tar.gz ] && [ ! -h source.tar.gz ]; }';

/** The pauses of a script that waits, in seconds: a small project is unpacked within the first few. */
const PAUSES = '0.01 0.01 0.02 0.02 0.04 0.1 0.2 0.3 0.5 0.8 1';

/**
 * Unpacks the project, or looks how far that is. However often and from however many connections it is sent, one tar is
 * at work, which neither a broken connection nor a signal to the login's shell ends. The files appear as `source` at
 * once, and whole. Sections `state` and `said`, with the words of a tar that failed.
 *
 * `waits`: for up to three seconds, if it isn't over before; and what has failed before is tried again. `suffix`: of the small files, which take their names first.
 */
export function unpackScript(searchPath: SearchPath, workDir: string, waits: boolean, suffix: string): Script {
  // What has lost the lock to another can't put its files in the place of the other's: they have another path.
  const into = `unpack/${randomBytes(8).toString('hex')}`;
  // tar's words are read, so they have to be English ones; and kept in memory until its half-unpacked files have made
  // room for them on a full disk. root's tar takes modes as they stand in the archive, whatever the umask.
  const work = `rm -rf unpack.old.*
modes=; [ "$(id -u 2>/dev/null)" != 0 ] || modes=--no-same-permissions
if said=$(mkdir ${into} && umask "$1" && mkdir ${into}/source && LC_ALL=C tar $modes -xzf unpack/source.tar.gz -C ${into}/source 2>&1); then
  rm -f unpack/source.tar.gz
  mv ${into}/source source
elif [ -d ${into} ]; then
  rm -rf ${into}/source
  printf '%s\\n' "$said" >${into}/said
  mv ${into}/said unpack/code
fi
# Not the last command, which would take the place of this shell.
:`;
  const run = (text: string) =>
    `/bin/sh -c ${quote(`${nameOfWork(workDir)}\n${text}`)} sh "$mask" >/dev/null 2>&1 </dev/null &`;
  // Where they have none any more, an earlier one of these scripts has taken it.
  const place = (name: string) => {
    const file = quote(`${name}${suffix}`);
    return `{ [ ! -e ${file} ] || mv -f ${file} ${name} || is_placed=; }`;
  };
  const preamble = `mask=$(umask)\numask 077\n${workFunctions(workDir)}\n${IS_UNPACKED}\n${SHOW}\n${HAS_FILES}\ncd ${quote(workDir)} || exit`;
  return script(searchPath, preamble, [
    {
      name: 'state',
      command: `state= old=unpack.old.$$ is_placed=yes
${suffix === '' ? ':' : `${place('job.sh')}; ${place('environment.sh')}`}
if ! is_unpacked && [ -d unpack ]; then
  if ${waits ? 'false' : '[ -e unpack/code ]'}; then :
  elif [ "$(at_work unpack)" = over ]; then
    [ -e unpack/code ] || state=restarted
    mv unpack/source.tar.gz source.tar.gz
    mv unpack "$old"
  elif has_files && [ ! -f unpack/source.tar.gz ]; then
    # Its beginning was cut off, and the files were sent again.
    mv unpack "$old"
  fi
fi
if has_files && [ ! -d unpack ]; then
  [ ! -e source ] || mv source "$old.source"
  # From here on the files are known to have arrived.
  if LC_ALL=C mkdir unpack && { mv source.tar.gz unpack/source.tar.gz || ! rmdir unpack; }; then
    if setsid=$(command -v setsid); then
      # Its group has the number of its first process.
      "$setsid" ${run(`ln -s "$(uname -n) $$" unpack/owner || exit\n${work}`)}
    else
      ${run(`ln -s -- "- $$" unpack/owner || exit\n${work}`)}
    fi
  fi
fi
is_over() { is_unpacked || [ ! -d unpack ] || [ -e unpack/code ]; }
for pause in ${waits ? PAUSES : ''}; do
  ! is_over || break
  sleep "$pause" 2>/dev/null || sleep 1
done
if [ -z "$is_placed" ]; then echo unwritable
elif is_unpacked; then
  rm -rf unpack
  echo unpacked
elif [ -e unpack/code ]; then echo failed
elif [ ! -d unpack ]; then has_files && echo unwritable || echo missing
elif [ -n "$state" ]; then echo "$state"
else at_work unpack
fi`,
    },
    { name: 'said', command: 'show unpack/code' },
  ]);
}

/**
 * Looks whether somebody unpacks the project, and begins nothing. Section `unpacking`: `ended` when `unpackScript` tells
 * what became of it, `over` when nobody does any more, or has begun.
 */
export function lookScript(workDir: string): Script {
  const command = `if is_unpacked || [ -e unpack/code ]; then echo ended
elif [ -d unpack ]; then at_work unpack
else echo over
fi`;
  return script(null, `${workFunctions(workDir)}\n${IS_UNPACKED}\ncd ${quote(workDir)} || exit`, [
    { name: 'unpacking', command },
  ]);
}

/** Ends an unpacking that takes too long, as far as this login node can; it is begun anew by the next. Section `drop`. */
export function dropUnpackingScript(workDir: string): Script {
  const command = `end_work unpack\n[ ! -d unpack ] || mv unpack "unpack.old.$$"`;
  return script(null, `${workFunctions(workDir)}\ncd ${quote(workDir)} || exit`, [{ name: 'drop', command }]);
}
