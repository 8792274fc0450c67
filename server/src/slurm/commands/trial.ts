import { type Script, type SearchPath, script } from '../shell.ts';
import { CLEAN_QUERY } from './environment.ts';

/** Tries the variants of a query, exactly as they will be sent, until one works. */
export interface Trial {
  readonly command: string;
  readonly script: Script;
  /** One section for each variant, the best first: the command's standard error, or NOT_TRIED. */
  readonly sections: readonly string[];
}

/** Marks a variant that was skipped because a better one works. */
export const NOT_TRIED = 'not tried';

export function trial(searchPath: SearchPath, command: string, ways: readonly string[]): Trial {
  const sections = ways.map((way, index) => ({
    name: `way-${index}`,
    command: `if [ -n "$found" ]; then echo '${NOT_TRIED}'; else ${way} 2>&1 >/dev/null && found=yes; fi`,
  }));
  const names = sections.map(({ name }) => name);
  return { command, script: script(searchPath, `${CLEAN_QUERY}\nfound=`, sections), sections: names };
}
