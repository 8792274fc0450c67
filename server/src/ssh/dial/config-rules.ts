import type { ConfigFile, Directive } from './config-file.ts';
import type { HostConfig } from './host-config.ts';
import { COUNTING } from './not-followed.ts';
import { matchesPatternList } from './patterns.ts';

type Verdict = { readonly applies: boolean; readonly unjudged?: string };

/**
 * Applies the rules of ssh_config(5) to `host`, as typed. Of `Match`, the criteria all, host, originalhost, user,
 * localuser, tagged, canonical and final are judged. A block with any other criterion never applies, and the command of
 * `Match exec` is never run: looking up a host must not start programs. The settings of such blocks are reported.
 *
 * @param files in the order of precedence
 * @param user the login name, if it is already known
 */
export function configFor(
  host: string,
  files: readonly ConfigFile[],
  localUser: string,
  user: string | undefined,
): HostConfig {
  const first = new Map<string, Directive>();
  const identityFiles: Directive[] = [];
  const certificateFiles: Directive[] = [];
  const leftOut = new Map<string, Set<string>>();
  let isFinal = false;
  let wantsFinal = false;

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
      case 'tagged':
        return first.get('tag')?.values[0] ?? '';
      default:
        return undefined;
    }
  }

  /** One criterion that doesn't match decides, whatever the others are. */
  function judge(words: readonly string[]): Verdict {
    let unjudged: string | undefined;
    for (let index = 0; index < words.length; index += 1) {
      const [, negation, name = '', inline] = /^(!?)([^=]*)(?:=(.*))?$/s.exec(words[index] ?? '') ?? [];
      const criterion = name.toLowerCase();
      const isNegated = negation === '!';
      if (criterion === 'all') continue;
      if (criterion === 'final' || criterion === 'canonical') {
        // Both match when the configuration is read a second time, which "final" requests (readconf.c).
        if (criterion === 'final' && !isNegated) wantsFinal = true;
        if (isFinal === isNegated) return { applies: false };
        continue;
      }
      if (inline === undefined) index += 1;
      const subject = subjectOf(criterion);
      if (subject === undefined) unjudged ??= criterion;
      else if (matchesPatternList(subject, (inline ?? words[index] ?? '').split(',')) === isNegated) {
        return { applies: false };
      }
    }
    return unjudged === undefined ? { applies: true } : { applies: false, unjudged };
  }

  /** `block`: the enclosing block that can't be judged. */
  function leaveOut({ keyword, included }: Directive, block: string): void {
    if (included !== undefined) for (const file of included) for (const directive of file) leaveOut(directive, block);
    const name = COUNTING.get(keyword);
    if (name !== undefined) leftOut.set(block, (leftOut.get(block) ?? new Set()).add(name));
  }

  function apply(file: ConfigFile): void {
    let verdict: Verdict = { applies: true };
    let block = '';
    for (const directive of file) {
      const { keyword, values, included, at } = directive;
      if (keyword === 'host') verdict = { applies: matchesPatternList(host, values) };
      else if (keyword === 'match') {
        verdict = judge(values);
        block = `${at}: "Match ${verdict.unjudged}" isn't judged here`;
      } else if (verdict.unjudged !== undefined) leaveOut(directive, block);
      else if (!verdict.applies) continue;
      else if (included) included.forEach(apply);
      else if (keyword === 'identityfile') add(identityFiles, directive);
      else if (keyword === 'certificatefile') add(certificateFiles, directive);
      else if (!first.has(keyword) && !first.has(rivalOf(keyword))) first.set(keyword, directive);
    }
  }

  files.forEach(apply);
  isFinal = true;
  if (wantsFinal) files.forEach(apply);
  return {
    get: (keyword) => first.get(keyword),
    identityFiles,
    certificateFiles,
    unjudged: [...leftOut].map(([block, names]) => `${block}, so ${[...names].join(', ')} below it is left out`),
  };
}

/** A line that is read twice counts once. */
function add(directives: Directive[], directive: Directive): void {
  if (!directives.includes(directive)) directives.push(directive);
}

/** ProxyJump and ProxyCommand exclude each other: the one that comes first wins. */
function rivalOf(keyword: string): string {
  if (keyword === 'proxyjump') return 'proxycommand';
  return keyword === 'proxycommand' ? 'proxyjump' : '';
}
