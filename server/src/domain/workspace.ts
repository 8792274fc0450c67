/** A piece of the path of a workspace, as clusters.yaml has it. */
export type WorkspacePart =
  | { readonly kind: 'text'; readonly text: string }
  /** A variable of the login's environment. */
  | { readonly kind: 'variable'; readonly name: string }
  /** A home directory; null: the login's own. */
  | { readonly kind: 'home'; readonly user: string | null };

const USER = /^~([A-Za-z_][A-Za-z0-9_.-]*)?(?=\/)/;
const VARIABLE = /^\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/;

/**
 * Reads the path of a workspace: absolute, or below `~`, `~user` or a variable; `$NAME` and `${NAME}` anywhere in it.
 * Nothing else that a shell would expand is taken, so that nothing of it is ever run.
 *
 * @throws TypeError whose message says what to write instead
 */
export function workspaceParts(path: string): readonly WorkspacePart[] {
  const parts: WorkspacePart[] = [];
  let rest = path;
  const home = USER.exec(rest);
  if (home !== null) {
    parts.push({ kind: 'home', user: home[1] ?? null });
    rest = rest.slice(home[0].length);
  } else if (!/^[/$]/.test(rest)) {
    throw new TypeError('write an absolute path, or one below ~/, ~user/ or a variable such as $SCRATCH/');
  }
  while (rest !== '') {
    const variable = VARIABLE.exec(rest);
    if (variable !== null) {
      parts.push({ kind: 'variable', name: variable[1] ?? variable[2] ?? '' });
      rest = rest.slice(variable[0].length);
      continue;
    }
    if (/^[$`]/.test(rest)) {
      throw new TypeError(`write variables as $NAME or \${NAME}: nothing else is expanded, and no command is run`);
    }
    const [text = ''] = /^[^$`]+/.exec(rest) ?? [];
    parts.push({ kind: 'text', text });
    rest = rest.slice(text.length);
  }
  if (path.endsWith('/') || path === '/') throw new TypeError('write an absolute path without a slash at its end');
  return parts;
}
