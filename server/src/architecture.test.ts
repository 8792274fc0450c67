import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const SOURCE = fileURLToPath(new URL('.', import.meta.url));
const ARCHITECTURE = new URL('../../ARCHITECTURE.md', import.meta.url);
/** In no room: two of these put rooms together, so they may import each of them. */
const COMPOSITION = ['app.ts', 'heap.ts', 'leave.ts', 'main.ts'];

interface Import {
  /** Relative to the source directory, with "/" between names. */
  readonly file: string;
  readonly specifier: string;
  /** The imported file, relative to the source directory; null for a package. */
  readonly target: string | null;
}

const allFiles = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.split(sep).join('/'))
  .sort();
const isForTests = (file: string) => /(?:\.test|(?:^|\/)testing)\.ts$/.test(file);
const productFiles = allFiles.filter((file) => !isForTests(file));
const textOf = (file: string) => readFileSync(join(SOURCE, file), 'utf8');

function importsOf(file: string): Import[] {
  const pattern =
    /^\s*(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
  return [...textOf(file).matchAll(pattern)].map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    // The package's own manifest belongs to no room.
    const target =
      specifier.startsWith('.') && !specifier.endsWith('/package.json')
        ? relative(SOURCE, join(SOURCE, dirname(file), specifier))
            .split(sep)
            .join('/')
        : null;
    return { file, specifier, target };
  });
}

/** The top-level directory, or the file itself where it lies in none. */
const roomOf = (file: string) => file.split('/')[0] ?? '';

/** The rows below `| room | may import |`. */
function readTable(markdown: string): ReadonlyMap<string, readonly string[]> {
  const lines = markdown.split('\n').map((line) => line.trim());
  const cellsOf = (line: string) =>
    line
      .replace(/^\||\|$/g, '')
      .split('|')
      .map((cell) => cell.replaceAll('`', '').trim());
  const head = lines.findIndex((line) => line.startsWith('|') && cellsOf(line).join('|') === 'room|may import');
  if (head === -1) throw new Error('ARCHITECTURE.md has no table "| room | may import |"');
  const body = lines.slice(head + 2);
  const end = body.findIndex((line) => !line.startsWith('|'));
  return new Map(
    body.slice(0, end === -1 ? body.length : end).map((line) => {
      const [room = '', names = ''] = cellsOf(line);
      return [room, names.split(/,\s*/).filter(Boolean)];
    }),
  );
}

const imports = productFiles.flatMap(importsOf);
const rooms = [...new Set(productFiles.filter((file) => file.includes('/')).map(roomOf))].sort();
const table = readTable(readFileSync(ARCHITECTURE, 'utf8'));
const crossings = imports.flatMap(({ file, target }) =>
  target !== null && roomOf(target) !== roomOf(file) && !COMPOSITION.includes(file) ? [{ file, target }] : [],
);

/** Of names that use others, those that are part of a circle or lie between two. */
function inCircles(uses: readonly (readonly [string, string])[]): readonly string[] {
  let left = uses;
  for (;;) {
    // What uses nothing that is left, or is used by nothing that is left, is part of none.
    const users = new Set(left.map(([user]) => user));
    const used = new Set(left.map(([, one]) => one));
    const rest = left.filter(([user, one]) => used.has(user) && users.has(one));
    if (rest.length === left.length) return [...new Set(left.flat())].sort();
    left = rest;
  }
}

describe('the rooms of the server', () => {
  it('are the ones that ARCHITECTURE.md lists, and each may import only rooms that are there', () => {
    expect([...table.keys()].sort()).toEqual(rooms);
    const allowed = [...table.values()].flat();
    expect(allowed.filter((name) => !rooms.includes(name) && !productFiles.includes(name))).toEqual([]);
  });

  it('import only what ARCHITECTURE.md allows', () => {
    const forbidden = crossings.filter(
      ({ file, target }) => table.get(roomOf(file))?.includes(roomOf(target)) !== true,
    );
    expect(forbidden.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('form no circle, and neither do their files', () => {
    const inRooms = crossings.map(({ file, target }) => [roomOf(file), roomOf(target)] as const);
    expect(inCircles(inRooms)).toEqual([]);
    const files = imports.flatMap(({ file, target }) => (target === null ? [] : [[file, target] as const]));
    expect(inCircles(files)).toEqual([]);
  });

  it('are entered through their index, or a file that the table names; the domain has none', () => {
    const sideEntries = crossings.filter(({ file, target }) => {
      const room = roomOf(target);
      const isNamed = table.get(roomOf(file))?.includes(target) === true;
      return room !== 'domain' && target !== `${room}/index.ts` && !isNamed;
    });
    expect(sideEntries.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('keep the writes of jobs for the journal: nothing else gets hold of them, app.ts neither', () => {
    const users = imports.flatMap(({ file, target }) => (target === 'store/writes.ts' ? [file] : []));
    expect(users).toEqual(['events/journal.ts', 'events/transaction.ts']);
    const handsOut = (file: string) => /\b(?:JobWriter|JobEventWriter|StoreWrites|writesOf)\b/.test(textOf(file));
    expect(handsOut('store/index.ts')).toBe(false);
    expect(imports.filter(({ target }) => target === 'store/store.ts').map(({ file }) => file)).toEqual([
      'store/index.ts',
      'store/writes.ts',
    ]);
  });

  it('keep the reads of the server itself from all that is done for clients, which reads for whoever asks', () => {
    const forClients = ['actions', 'feeds', 'graphql', 'http', 'logs'];
    // A store as these get it, `ClientStore`, has no reads of its own; the class has.
    const naming = productFiles.filter(
      (file) => forClients.includes(roomOf(file)) && importedNames(textOf(file)).includes('Store'),
    );
    expect(naming).toEqual([]);
    expect(importedNames(textOf('app.ts'))).toContain('Store');
    // `readerOf` and `Work` wait in the turns of accounts; only the server goes before these.
    const first = productFiles.filter((file) => /\bSERVER\b|TURNS[^;]*'server'/.test(textOf(file)));
    expect(first).toEqual(['store/reader.ts', 'store/store.ts']);
  });
});

/** What a file imports by name. */
function importedNames(text: string): readonly string[] {
  return [...text.matchAll(/^import\b[^;'"]*?\{([^}]*)\}[^;'"]*?\bfrom\b/gm)].flatMap(([, names = '']) =>
    names.split(',').map(
      (name) =>
        name
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s+as\s+/)[0] ?? '',
    ),
  );
}

describe('roles', () => {
  it('are compared by the policy alone', () => {
    const comparing = productFiles.filter((file) =>
      /\.role\s*[!=]==|===?\s*'(?:ADMIN|MEMBER|VIEWER)'|USER_ROLES\.indexOf/.test(textOf(file)),
    );
    expect(comparing).toEqual(['domain/policy.ts']);
  });

  it('are asked for by actions, by fields that say so in the schema, and at the door', () => {
    const asking = productFiles.filter((file) => /\b(?:may|notAllowedTo)\((?:\w+\.)*actor/.test(textOf(file)));
    expect(asking.filter((file) => roomOf(file) !== 'actions')).toEqual([
      'domain/policy.ts',
      'graphql/job/actions.ts',
      'graphql/permitted-fields.ts',
      'http/access.ts',
    ]);
  });
});

describe('what only SQLite knows', () => {
  const isInside = (file: string) => file.startsWith('store/sqlite/');
  const outside = productFiles.filter((file) => roomOf(file) === 'store' && !isInside(file));
  /** Of its dialect and of this database's own tables that no other engine has. */
  const words =
    /\b(?:json_\w+|json|indexed by|instr|glob|rowid|pragma|total_changes|changes\(\)|last_insert_rowid|fts\d|match|job_search|insert or|without rowid|sqlite_\w+|char\()/i;

  it('stands in one directory: the SQL outside of it has none of its words', () => {
    const found = outside.flatMap((file) =>
      statementsOf(textOf(file)).flatMap((statement) => (words.test(statement) ? [`${file}: ${statement}`] : [])),
    );
    expect(found).toEqual([]);
    // The test sees them where they are.
    const inside = productFiles.filter(isInside).flatMap((file) => statementsOf(textOf(file)));
    expect(inside.filter((statement) => words.test(statement)).length).toBeGreaterThan(5);
  });

  it('is entered through the index of the directory', () => {
    const entries = imports.flatMap(({ file, target }) =>
      target !== null && isInside(target) && !isInside(file) ? [target] : [],
    );
    expect([...new Set(entries)]).toEqual(['store/sqlite/index.ts']);
  });
});

/** The SQL in a file that is written out: templates of `sql`, and names and texts that are handed to it as they are. */
function statementsOf(text: string): readonly string[] {
  const pattern =
    /\bsql(?:<[^`]*?>)?`((?:[^`\\]|\\.)*)`|\b(?:sql\.\w+|CompiledQuery\.raw)(?:<[^()]*?>)?\(\s*([^)]*)\)/g;
  return [...text.matchAll(pattern)].map(([, template, name]) => template ?? name ?? '');
}

describe('outside code', () => {
  it.each([
    ['ssh2', 'ssh'],
    ['kysely', 'store'],
    ['better-sqlite3', 'store/sqlite'],
  ])('%s is imported by %s alone', (name, directory) => {
    const users = imports
      .filter(({ specifier }) => specifier === name || specifier.startsWith(`${name}/`))
      .map(({ file }) => file);
    expect(users).not.toEqual([]);
    expect(users.filter((file) => !file.startsWith(`${directory}/`))).toEqual([]);
  });

  it("leaves the process's environment to the configuration, to which main.ts hands it", () => {
    const readers = productFiles.filter((file) => /\bprocess\s*\.\s*env\b|\bprocess\s*\[/.test(textOf(file)));
    expect(readers.filter((file) => roomOf(file) !== 'config' && file !== 'main.ts')).toEqual([]);
    expect(
      imports
        .filter(({ specifier }) => specifier === 'process' || specifier === 'node:process')
        .map(({ file }) => file),
    ).toEqual([]);
  });

  it('gets nothing from what is there for tests', () => {
    expect(imports.filter(({ target }) => target !== null && isForTests(target)).map(({ file }) => file)).toEqual([]);
  });
});

it('importing every module opens nothing, prints nothing and keeps no process alive', async () => {
  const inert = productFiles.filter((file) => file !== 'main.ts' && file !== 'graphql/print.ts');
  const urls = inert.map((file) => pathToFileURL(join(SOURCE, file)).href);
  const script = `
    for (const url of ${JSON.stringify(urls)}) await import(url);
    const open = process.getActiveResourcesInfo().filter((name) => !name.startsWith('TTY') && !name.startsWith('Pipe'));
    process.stdout.write(JSON.stringify({ open, exitCode: process.exitCode ?? null }));
  `;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    timeout: 50_000,
  });
  expect(JSON.parse(stdout)).toEqual({ open: [], exitCode: null });
  expect(stderr).toBe('');
});
