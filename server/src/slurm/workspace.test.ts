import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SlurmUnavailable } from './errors.ts';
import { script } from './shell.ts';
import { LocalLogin } from './testing.ts';
import { absoluteWorkspace, workspaceSection } from './workspace.ts';

let login: LocalLogin;
beforeEach(async () => {
  login = await LocalLogin.create();
});
afterEach(() => login[Symbol.asyncDispose]());

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (cause) {
    return cause;
  }
}

/** As a login expands it. */
async function expanded(workspace: string, home = login.home): Promise<string> {
  const ask = script(null, '', [workspaceSection(workspace)]);
  const { stdout } = await login.run(ask.text);
  return absoluteWorkspace(workspace, home, ask.read(stdout, 'workspace')?.output ?? '');
}

describe('the workspace of a login', () => {
  it('is where its variables and homes lead', async () => {
    login.environment = { SCRATCH: '/scratch/of ada', USER: 'ada' };
    expect(await expanded('~/slurmql')).toBe(`${login.home}/slurmql`);
    expect(await expanded('/scratch/$USER/ws')).toBe('/scratch/ada/ws');
    expect(await expanded(`\${SCRATCH}/$USER`)).toBe('/scratch/of ada/ada');
    expect(await expanded('~root/ws')).toBe('/root/ws');
    expect(await expanded('/plain')).toBe('/plain');
    expect(await expanded('~/ws', '/')).toBe('/ws');
  });

  it('is found by variables that login shells alone set', async () => {
    await login.profile('echo Welcome; export SCRATCH=/scratch/ada');
    expect(await expanded('$SCRATCH/ws')).toBe('/scratch/ada/ws');
  });

  it('is found by the name of the user where nothing sets it', async () => {
    await login.command('id', 'echo ada');
    expect(await expanded('/scratch/$USER/ws')).toBe('/scratch/ada/ws');
  });

  it('never runs what a variable holds', async () => {
    login.environment = { ODD: '/$(touch ran)`touch ran`/*;touch ran' };
    expect(await expanded('$ODD/ws')).toBe('/$(touch ran)`touch ran`/*;touch ran/ws');
    expect((await login.run('ls ran')).exitCode).not.toBe(0);
  });

  it.each([
    [
      '$NOWHERE/ws',
      "names $NOWHERE, which this login doesn't set, nor does a login shell (bash -l). Write the path out",
    ],
    ['~no-such-user/ws', 'this login knows no such user'],
    ['$RELATIVE/ws', 'the workspace would be "scratch/ws", which is no plain absolute path'],
    ['$LINES_TWO/ws', "the login doesn't tell where the workspace $LINES_TWO/ws is"],
  ])('is refused where it leads nowhere: %s', async (workspace, message) => {
    login.environment = { RELATIVE: 'scratch', LINES_TWO: '/a\n/b' };
    await expect(expanded(workspace)).rejects.toThrow(message);
  });

  it.each([
    ['a home', '~/slurmql', `/${'a'.repeat(100_000)}`, ''],
    ['a home of wide characters', '~/slurmql', `/${'ä'.repeat(2100)}`, ''],
    ['a variable', '$SCRATCH/ws', '/home/ada', `/${'a'.repeat(100_000)}\n`],
    ['two variables together', '$ONE$TWO/ws', '/home/ada', `/${'a'.repeat(3000)}\n${'b'.repeat(3000)}\n`],
    ['a user', '~ada/ws', '/home/ada', `/${'a'.repeat(100_000)}\n`],
    ['lines without an end', '$SCRATCH/ws', '/home/ada', '\n'.repeat(100_000)],
    ['a relative path', '$SCRATCH/ws', '/home/ada', `${'a'.repeat(4000)}\n`],
  ])('is no longer than a path can be, nor is what is said of it: %s', (_what, workspace, home, told) => {
    const refused = thrownBy(() => absoluteWorkspace(workspace, home, told));
    expect(refused).toBeInstanceOf(SlurmUnavailable);
    expect(String(refused).length).toBeLessThan(600);
  });

  it('is as long as a path can be', () => {
    const home = `/${'a'.repeat(4000)}`;
    expect(absoluteWorkspace('~/ws', home, '')).toBe(`${home}/ws`);
    expect(absoluteWorkspace('/plain', home.repeat(2), '')).toBe('/plain');
  });

  it('needs a home where it lies below it', async () => {
    await expect(expanded('~/ws', '')).rejects.toThrow('the login has no home directory');
  });
});
