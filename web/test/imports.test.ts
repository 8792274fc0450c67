import { globSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const source = join(import.meta.dirname, '../src');
const files = globSync('**/*.{ts,tsx}', { cwd: source });

/** The modules of src/ that a file imports, as paths from src/. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, path = '']) =>
    normalize(join(file, '..', path)),
  );
}

function roomOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  return first === 'features' ? `features/${second}` : first;
}

/** What each room may import from, itself apart. Only the files beside the rooms may bring features together. */
function isAllowed(from: string, to: string): boolean {
  const mayUse: Record<string, readonly string[]> = { lib: ['graphql'], graphql: ['lib'], ui: ['lib', 'graphql'] };
  if (from === to || !from.match(/^(features|lib|graphql|ui)/)) return true;
  return (mayUse[from] ?? ['lib', 'graphql', 'ui']).includes(to);
}

it.each(files)('%s imports only what its room may use', (file) => {
  const foreign = importsOf(file).filter((path) => !isAllowed(roomOf(file), roomOf(path)));
  expect(foreign).toEqual([]);
});

it('finds imports to look at', () => {
  expect(files.flatMap(importsOf).length).toBeGreaterThan(100);
});

it('no file compares roles: the server says what a user may do', () => {
  const comparing = files.filter((file) => {
    const isWritten = !file.endsWith('.d.ts');
    return isWritten && /\.role\b|'(?:ADMIN|MEMBER|VIEWER)'/.test(readFileSync(join(source, file), 'utf8'));
  });
  expect(comparing).toEqual([]);
});

// ui/deferred.tsx says why.
it.each(files)('%s makes no transitions, which leave behind what they dispose of', (file) => {
  const text = readFileSync(join(source, file), 'utf8');
  const imports = [...text.matchAll(/import \{([^}]*)\} from 'solid-js'/g)].flatMap(([, names = '']) =>
    names.split(','),
  );
  const transitions = ['Suspense', 'SuspenseList', 'lazy', 'startTransition', 'useTransition', 'enableScheduling'];
  expect(imports.map((name) => name.trim()).filter((name) => transitions.includes(name))).toEqual([]);
});
