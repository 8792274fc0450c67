import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checkPath } from './safe-path.ts';
import { Repository } from './testing.ts';

function isRefused(path: string): boolean {
  try {
    checkPath(path, 'the work tree holds', 'rename it');
    return false;
  } catch {
    return true;
  }
}

/** Those that git doesn't take into an index, wherever it may be checked out. */
async function refusedByGit(repository: Repository, paths: readonly string[]): Promise<ReadonlySet<string>> {
  const protectedEverywhere = ['-c', 'core.protectHFS=true', '-c', 'core.protectNTFS=true'];
  const child = spawn('git', [...protectedEverywhere, 'update-index', '-z', '--index-info'], { cwd: repository.path });
  const id = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';
  child.stdin.end(Buffer.from(paths.map((path) => `100644 ${id} 0\t${path}\0`).join(''), 'latin1'));
  const said = (await text(child.stderr.setEncoding('latin1'))).matchAll(/^Ignoring path (.*)$/gm);
  return new Set([...said].map(([, path = '']) => path));
}

/** The bytes of a text in UTF-8, one character each. */
const bytes = (value: string) => Buffer.from(value).toString('latin1');

const PIECES = ['.', '..', '/', '\\', 'g', 'G', 'it', 'IT', '.git', '.GiT', 'git~1', 'GIT~1', ' ', ':', '~', '1', 'a'];
const IGNORED = ['\u200c', '\u200f', '\u202a', '\u202e', '\u206a', '\u206f', '\ufeff'].map(bytes);

it('a path is refused exactly where git refuses it', async () => {
  await using repository = await Repository.create();
  const paths = fc.sample(
    fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join('')),
    5000,
  );
  // git overlooks the backslash where a name begins with it; Windows doesn't.
  const unique = [...new Set(paths)].filter((path) => !/(?:^|\/)\\/.test(path));
  const refused = await refusedByGit(repository, unique);
  expect(refused.size).toBeGreaterThan(100);
  expect(refused.size).toBeLessThan(unique.length - 100);
  expect(unique.filter((path) => isRefused(path) !== refused.has(path))).toEqual([]);
});

it('a path is refused wherever git refuses it, with characters that HFS+ ignores', async () => {
  await using repository = await Repository.create();
  const pieces = fc.array(fc.constantFrom(...IGNORED, '.', 'g', 'i', 't', '/', 'a'), { minLength: 4, maxLength: 8 });
  const dotGit = fc
    .array(fc.constantFrom(...IGNORED, ''), { minLength: 5, maxLength: 5 })
    .map(([a, b, c, d, e]) => `x/${a}.${b}G${c}i${d}t${e}/config`);
  const paths = fc.sample(
    fc.oneof(
      pieces.map((all) => all.join('')),
      dotGit,
    ),
    2000,
  );
  const refused = await refusedByGit(repository, paths);
  expect(refused.size).toBeGreaterThan(100);
  expect([...refused].filter((path) => !isRefused(path))).toEqual([]);
});

it('a path that is as long as may be is named by its ends', () => {
  const path = `../${'long/'.repeat(10_000)}end`;
  expect(() => checkPath(path, "git's index holds", 'clone it again')).toThrow(
    /^git's index holds \.\.\/long.{200,350}end, which is not a path below its top level: clone it again$/,
  );
});
