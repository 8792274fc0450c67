import type { ConfigFile, Directive } from './config-file.ts';
import { matchesPatternList } from './patterns.ts';

/** What an OpenSSH configuration says of one host. */
export interface HostConfig {
  /** The first directive of that keyword (in lower case) that applies: later ones don't count. */
  get(keyword: string): Directive | undefined;
  /** `IdentityFile` alone adds up. */
  readonly identityFiles: readonly Directive[];
}

/**
 * Applies the rules of ssh_config(5) to `host`, as typed. Of `Match`, the criteria all, host, originalhost, user and
 * localuser are judged. A block with any other criterion never applies, and the command of `Match exec` is never run:
 * looking a host up must not start programs.
 *
 * @param files in the order of precedence
 * @param user whom to log in as, where that is settled already
 */
export function configFor(
  host: string,
  files: readonly ConfigFile[],
  localUser: string,
  user: string | undefined,
): HostConfig {
  const first = new Map<string, Directive>();
  const identityFiles: Directive[] = [];

  function subjectOf(criterion: string): string | undefined {
    switch (criterion) {
      case 'host':
        return first.get('hostname')?.values[0]?.replaceAll('%h', () => host) ?? host;
      case 'originalhost':
        return host;
      case 'user':
        return user ?? first.get('user')?.values[0] ?? localUser;
      case 'localuser':
        return localUser;
      default:
        return undefined;
    }
  }

  function matchApplies(words: readonly string[]): boolean {
    for (let index = 0; index < words.length; index += 1) {
      const word = (words[index] ?? '').toLowerCase();
      if (word === 'all') continue;
      index += 1;
      const negated = word.startsWith('!');
      const subject = subjectOf(negated ? word.slice(1) : word);
      if (subject === undefined) return false;
      if (matchesPatternList(subject, (words[index] ?? '').split(',')) === negated) return false;
    }
    return true;
  }

  function apply(file: ConfigFile): void {
    let active = true;
    for (const directive of file) {
      const { keyword, values, included } = directive;
      if (keyword === 'host') active = matchesPatternList(host, values);
      else if (keyword === 'match') active = matchApplies(values);
      else if (!active) continue;
      else if (included) included.forEach(apply);
      else if (keyword === 'identityfile') identityFiles.push(directive);
      else if (!first.has(keyword) && !first.has(rivalOf(keyword))) first.set(keyword, directive);
    }
  }

  files.forEach(apply);
  return { get: (keyword) => first.get(keyword), identityFiles };
}

/** ProxyJump and ProxyCommand exclude each other: the one that comes first wins. */
function rivalOf(keyword: string): string {
  if (keyword === 'proxyjump') return 'proxycommand';
  return keyword === 'proxycommand' ? 'proxyjump' : '';
}
