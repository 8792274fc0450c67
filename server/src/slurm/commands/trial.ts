import { type Script, type SearchPath, script } from '../shell.ts';
import { CLEAN_QUERY } from './environment.ts';

/** Tries one question as it will be asked, in each of its ways until one works. */
export interface Trial {
  readonly command: string;
  readonly script: Script;
  /** The sections, one a way, the best one first: what the command said on its standard error, or NOT_TRIED. */
  readonly sections: readonly string[];
}

/** So a way is marked that was left out, since a better one works. */
export const NOT_TRIED = 'not tried';

export function trial(searchPath: SearchPath, command: string, ways: readonly string[]): Trial {
  const sections = ways.map((way, index) => ({
    name: `way-${index}`,
    command: `if [ -n "$found" ]; then echo '${NOT_TRIED}'; else ${way} 2>&1 >/dev/null && found=yes; fi`,
  }));
  const names = sections.map(({ name }) => name);
  return { command, script: script(searchPath, `${CLEAN_QUERY}\nfound=`, sections), sections: names };
}
