import { GitError } from './git-error.ts';
import { type BytePath, readable } from './paths.ts';

/** An absolute path, or one with a part that is empty, "." or "..". */
const LEADS_OUT = /(?:^|\/)\.{0,2}(?:\/|$)/;
/** A part that is ".git" to git, NTFS or Windows: "GIT~1", ".git.", ".git::$INDEX_ALLOCATION", or "a\.git". */
const IS_DOT_GIT = /(?:^|[/\\])(?:\.git|git~1)[. ]*(?:[/\\:]|$)/i;
/** UTF-8 of the characters that HFS+ ignores in a name. */
const IGNORED = /\xe2\x80[\x8c-\x8f\xaa-\xae]|\xe2\x81[\xaa-\xaf]|\xef\xbb\xbf/g;

/**
 * Every path that git or a directory reports has to pass here before it is looked up, opened or packed. git checks out
 * nothing else (verify_path in its read-cache.c), but it lists what an index or a tree made by hand holds: `../x` is
 * another file of this machine, and a job's git runs programs that `.git/config` names. Throws a GitError that begins
 * with `holder`, as in "the commit holds", and says what to do.
 */
export function checkPath(path: BytePath, holder: string, advice: string): void {
  if (LEADS_OUT.test(path)) {
    throw new GitError(`${holder} ${readable(path)}, which is not a path below its top level: ${advice}`);
  }
  if (IS_DOT_GIT.test(path.replace(IGNORED, ''))) {
    throw new GitError(`${holder} ${readable(path)}, and git keeps the name .git for itself: ${advice}`);
  }
}
