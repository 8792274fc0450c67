import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UnreadableAnswer } from './errors.ts';
import { script } from './shell.ts';
import { runSection } from './testing.ts';
import { safetyFault, safetySection } from './workspace-safety.ts';

const LOGIN = '1000::ada\n';
const ROOT = '41ed:0:0:root:root:/\n';
const STICKY_ROOT = '43ff:0:0:root:root:/\n';
const link = (path: string) => `a1ff:7:7:eve:eve:${path}\n`;
const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('');

/** How many values are handed to array methods that look for one. */
async function lookedAt(work: () => unknown): Promise<number> {
  const some = Array.prototype.some;
  let count = 0;
  Array.prototype.some = function (test, self) {
    return some.call(this, (...values) => {
      count += 1;
      return test.call(self, ...values);
    });
  };
  try {
    await work();
  } finally {
    Array.prototype.some = some;
  }
  return count;
}

describe('the way to a workspace', () => {
  it('is safe with links of others where only their own directory is theirs to change', () => {
    const told = `${LOGIN}${ROOT}${link('/b/x')}41ed:1000:1000:ada:ada:/w\ninside\n`;
    expect(safetyFault('/w', told, [])).toBeNull();
  });

  it.each([
    ['sticky root', LOGIN + STICKY_ROOT + link('/b')],
    ['sticky directory', `${LOGIN}${ROOT}43ff:0:0:root:root:/tmp\n${link('/tmp/b')}`],
  ])('is not safe with a link of another in a %s', (_what, told) => {
    expect(safetyFault('/w', told, [])).toContain('belongs to eve');
    expect(safetyFault('/w', told, ['eve'])).toBeNull();
  });

  it('is looked at once, however many links there are', async () => {
    const told = LOGIN + ROOT + lines(2000, (index) => link(`/b/${index}`));
    expect(await lookedAt(() => safetyFault('/w', told, []))).toBeLessThan(10_000);
  });

  it.each([
    ['more steps than any way has', LOGIN + ROOT + lines(10_000, (index) => link(`/b/${index}`))],
    ['empty lines without an end', LOGIN + ROOT + '\n'.repeat(10_000)],
    ['a step that is longer than a path', `${LOGIN}${ROOT}41ed:7:7:eve:eve:/${'z'.repeat(100_000)}\n`],
    ['a login without an end', `1000::${'a'.repeat(100_000)}\n${ROOT}`],
  ])('is unreadable with %s', (_what, told) => {
    expect(() => safetyFault('/w', told, [])).toThrow(UnreadableAnswer);
  });

  it.each([
    ['a directory', 'a\nb/w'],
    ['a directory like a line of its own', 'a\n41ed:0:0:root:root:/w'],
    ['a directory like the end of the way', 'a\ninside\n/w'],
    ['one that ends in it', 'w\n'],
  ])('is not taken for safe through a name with a line feed: %s', async (_what, target) => {
    const home = await mkdtemp(join(tmpdir(), 'slurmql-safety-'));
    try {
      for (const directory of [join(home, target), join(home, 'w'), join(home, 'plain')]) {
        await mkdir(directory, { recursive: true });
      }
      await symlink(join(home, target), join(home, 'linked'));
      const faultOf = async (workspace: string) => {
        const section = await runSection(script(null, '', [safetySection(workspace, `${workspace}/jobs`)]), 'safety');
        return safetyFault(workspace, section?.output ?? '', []);
      };
      expect(await faultOf(join(home, 'plain'))).toBeNull();
      expect(await faultOf(join(home, 'linked'))).toContain("line feed in it, and can't be checked");
    } finally {
      await rm(home, { recursive: true });
    }
  });

  const long = (letter: string) => letter.repeat(3000);
  it.each([
    ['owner', '/w', `41ed:7:7:${long('e')}:eve:/w\n`],
    ['path', '/w', `41ed:7:7:eve:eve:/${long('z')}\n`],
    ['path that everybody writes to', '/w', `41ff:0:0:root:root:/${long('z')}\n`],
    ['group', '/w', `41f8:0:7:root:${long('g')}:/w\n`],
    ['workspace', `/${long('w')}`, '41ff:0:0:root:root:/w\n'],
    ['workspace of which nothing is told', `/${long('w')}`, 'what?\n'],
  ])('is told of in few words: a long %s', (_what, workspace, told) => {
    const fault = safetyFault(workspace, LOGIN + ROOT + told, []);
    expect(fault).toContain('who');
    expect(fault?.length).toBeLessThan(2000);
  });
});
