import { describe, expect, it } from 'vitest';
import { workspaceParts } from './workspace.ts';

const text = (of: string) => ({ kind: 'text', text: of });
const variable = (name: string) => ({ kind: 'variable', name });
const home = (user: string | null) => ({ kind: 'home', user });

describe('the path of a workspace', () => {
  it.each([
    ['/scratch/ws', [text('/scratch/ws')]],
    ['~/slurmql', [home(null), text('/slurmql')]],
    ['~ada.b-c/ws', [home('ada.b-c'), text('/ws')]],
    ['/scratch/$USER/ws', [text('/scratch/'), variable('USER'), text('/ws')]],
    ['$SCRATCH/ws', [variable('SCRATCH'), text('/ws')]],
    [`\${SCRATCH}`, [variable('SCRATCH')]],
    [`/p/\${USER}x$GROUP-1/~/a`, [text('/p/'), variable('USER'), text('x'), variable('GROUP'), text('-1/~/a')]],
    ['/it\'s (a) *?[x] 100%; & | > "path"', [text('/it\'s (a) *?[x] 100%; & | > "path"')]],
  ])('is read: %s', (path, parts) => {
    expect(workspaceParts(path)).toEqual(parts);
  });

  it.each([
    ['relative/ws', 'write an absolute path, or one below ~/'],
    ['', 'write an absolute path'],
    ['~', 'write an absolute path'],
    ['~a b/ws', 'write an absolute path'],
    ['/', 'without a slash at its end'],
    ['/ws/', 'without a slash at its end'],
    ['/$(id)/ws', `write variables as $NAME or \${NAME}: nothing else is expanded, and no command is run`],
    ['/`id`/ws', 'no command is run'],
    [`/\${USER:-x}/ws`, 'write variables as'],
    [`/\${USER`, 'write variables as'],
    ['/$1/ws', 'write variables as'],
    ['/a$', 'write variables as'],
  ])('is refused: %s', (path, message) => {
    expect(() => workspaceParts(path)).toThrow(message);
  });
});
