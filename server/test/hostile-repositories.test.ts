import { execFile } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Canaries, configurationText, hostileConfiguration, NAMES_A_PROGRAM } from './support/canaries.ts';
import { Workbench } from './support/jobs.ts';
import { TestRepository } from './support/repository.ts';
import { ServerProcess } from './support/server.ts';

const run = promisify(execFile);
const ATTRIBUTES = '* filter=x diff=x merge=x\n';
const PROJECT = 'project { id isDirty branches { name } headCommit { sha } } userErrors { message }';
const SUBMIT =
  'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id hasUncommittedChanges } userErrors { message } } }';

let bench: Workbench;
let canaries: Canaries;
let hostile: string;
let values: ReadonlyMap<string, string>;

beforeAll(async () => {
  bench = await Workbench.open();
  canaries = await Canaries.create();
  values = await hostileConfiguration(canaries);
  hostile = configurationText(values);
});

afterEach(async () => {
  await canaries.forget();
});

afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
  await canaries?.[Symbol.asyncDispose]();
});

/** Runs a plain git as anybody may, and doesn't mind how it ends. */
async function plainGit(directory: string, ...args: readonly string[]): Promise<void> {
  const asked = run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], {
    cwd: directory,
    env: { ...process.env, SLURMQL_TOKEN: bench.server.token, TERM: 'xterm', GIT_TERMINAL_PROMPT: '0' },
    timeout: 20_000,
  });
  asked.child.stdin?.end('protocol=https\nhost=x.invalid\n\n');
  await asked.catch(() => undefined);
}

interface ProjectPayload {
  readonly project: { readonly id: string; readonly isDirty: boolean } | null;
  readonly userErrors: readonly { readonly message: string }[];
}

async function write(mutation: string, type: string, input: object): Promise<ProjectPayload> {
  const answer = await bench.server.query<Record<string, ProjectPayload>>(
    `mutation ($input: ${type}!) { ${mutation}(input: $input) { ${PROJECT} } }`,
    { input },
  );
  const payload = answer[mutation];
  if (payload === undefined) throw new Error('no answer');
  return payload;
}

async function submit(input: object) {
  const { submitJob } = await bench.server.query<{
    submitJob: { job: { hasUncommittedChanges: boolean } | null; userErrors: readonly { message: string }[] };
  }>(SUBMIT, { input: { cluster: 'alpha', command: 'true', waitSeconds: 0, ...input } });
  return submitJob;
}

/** All that the server does with a repository, with and without uncommitted changes. */
async function useIt(path: string): Promise<void> {
  const { project, userErrors } = await write('addProject', 'AddProjectInput', { path, name: path.slice(-90) });
  expect(userErrors).toEqual([]);
  const projectId = project?.id;
  expect((await submit({ projectId })).userErrors).toEqual([]);
  await writeFile(join(path, 'a.txt'), 'changed\n');
  await writeFile(join(path, 'new.txt'), 'new\n');
  expect(await write('syncProject', 'SyncProjectInput', { id: projectId })).toMatchObject({
    project: { isDirty: true },
    userErrors: [],
  });
  expect(await submit({ projectId, includeUncommitted: true })).toMatchObject({
    job: { hasUncommittedChanges: true },
    userErrors: [],
  });
}

/** A repository with everything that a key can refer to, for now with no key of its own. */
async function repositoryWithEverything(): Promise<TestRepository> {
  const repository = await TestRepository.create({ 'a.txt': 'one\n', '.gitattributes': ATTRIBUTES });
  await repository.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', repository.path, 'sub');
  await repository.git('config', '--file', '.gitmodules', 'submodule.sub.update', 'merge');
  await mkdir(join(repository.path, 'committed-inside'));
  await run('git', ['init', '--quiet', 'committed-inside'], { cwd: repository.path });
  await repository.git('-C', 'committed-inside', 'commit', '--quiet', '--allow-empty', '--message', 'Inside');
  await repository.commit('With a submodule');
  await repository.git('replace', 'HEAD:a.txt', 'HEAD:.gitattributes');
  return repository;
}

describe('nothing that a repository names is run', () => {
  it('by any key that git has: all of them that name a program are planted, and nothing else was left out', async () => {
    const { stdout } = await run('git', ['help', '--config']);
    const naming = stdout
      .split('\n')
      .map((line) => line.replaceAll(/<[^>]*>|\*/g, 'x'))
      .filter((key) => key.includes('.') && NAMES_A_PROGRAM.test(key));
    expect(naming.length).toBeGreaterThan(40);
    // A message, a colour and numbers; and those of remotes, which stand under another name.
    expect(naming.filter((key) => !values.has(key))).toEqual(
      expect.toSatisfy((rest: readonly string[]) =>
        rest.every((key) => /^(?:advice|color|remote)\.|cachetext/.test(key)),
      ),
    );
  });

  it('neither by its configuration, its hooks, those of repositories and submodules in it, nor of linked work trees', async () => {
    await using repository = await repositoryWithEverything();
    const { path } = repository;
    await run('git', ['init', '--quiet', 'inside'], { cwd: path });
    await writeFile(join(path, 'inside/file.txt'), 'x\n');
    const linked = `${path}-linked`;
    await repository.git('worktree', 'add', '--quiet', linked, '-b', 'linked');
    await writeFile(
      join(path, '.git/worktrees', linked.slice(linked.lastIndexOf('/') + 1), 'config.worktree'),
      hostile,
    );
    for (const gitDirectory of ['.git', '.git/modules/sub', 'inside/.git', 'committed-inside/.git']) {
      await appendFile(join(path, gitDirectory, 'config'), hostile);
      await canaries.hooks(join(path, gitDirectory, 'hooks'), 'hooks');
      await mkdir(join(path, gitDirectory, 'info'), { recursive: true });
      await writeFile(join(path, gitDirectory, 'info/attributes'), ATTRIBUTES);
    }
    await appendFile(join(path, '.git/config'), '[extensions]\n\tworktreeConfig = true\n');
    await writeFile(join(path, '.git/config.worktree'), hostile);
    await mkdir(join(path, '.git/objects/info'), { recursive: true });
    await writeFile(join(path, '.git/objects/info/alternates'), `${path}/.git/modules/sub/objects\n`);
    await writeFile(join(path, 'sub/a.txt'), 'changed\n');
    await useIt(path);
    await useIt(linked);
    expect(await canaries.fired()).toEqual([]);
    // The same traps in the same place do go off.
    await plainGit(path, 'status');
    expect(await canaries.fired()).toContain('core.fsmonitor');
    expect(await canaries.environmentOf('core.fsmonitor')).toContain(bench.server.token);
    await rm(linked, { recursive: true });
  });

  it.each<[string, (repository: TestRepository, trap: string) => Promise<string>]>([
    [
      'a file that is included',
      async ({ path }, trap) => {
        await appendFile(join(path, '.git/config'), configurationText([['include.path', trap]]));
        return path;
      },
    ],
    [
      'a file that is included on a condition',
      async ({ path }, trap) => {
        await appendFile(join(path, '.git/config'), `[includeIf "gitdir:**"]\n\tpath = ${trap}\n`);
        return path;
      },
    ],
    [
      'a .git that is a file',
      async ({ path }, trap) => {
        await run('mv', [join(path, '.git'), join(path, 'elsewhere')]);
        await run('cp', [trap, join(path, 'trap')]);
        await run('sh', ['-c', 'cat trap >>elsewhere/config'], { cwd: path });
        await writeFile(join(path, '.git'), 'gitdir: elsewhere\n');
        return path;
      },
    ],
    [
      'a repository that names another one as its own (commondir)',
      async ({ path }, trap) => {
        await run('cp', ['-r', join(path, '.git'), join(path, 'common')]);
        await run('sh', ['-c', `cat '${trap}' >>common/config; echo ../common >.git/commondir`], { cwd: path });
        return path;
      },
    ],
    [
      'a directory of the work tree that looks like a bare repository',
      async ({ path }, trap) => {
        await run('sh', ['-c', `cp -r .git bare && cat '${trap}' >>bare/config`], { cwd: path });
        await run('git', ['config', '--file', 'bare/config', 'core.bare', 'false'], { cwd: path });
        await run('git', ['config', '--file', 'bare/config', 'core.worktree', path], { cwd: path });
        return path;
      },
    ],
  ])('by way of %s', async (_, lay) => {
    await using repository = await TestRepository.create({ 'a.txt': 'one\n', '.gitattributes': ATTRIBUTES });
    const trap = join(tmpdir(), `slurmql-trap-${process.pid}`);
    await writeFile(trap, hostile);
    const path = await lay(repository, trap);
    await useIt(path);
    expect(await canaries.fired()).toEqual([]);
    const inBare = await run('test', ['-d', join(path, 'bare')]).then(
      () => true,
      () => false,
    );
    await plainGit(inBare ? join(path, 'bare') : path, 'status');
    expect(await canaries.fired()).toContain('core.fsmonitor');
    await rm(trap);
  });

  it.each<[string, (program: string) => Readonly<Record<string, string>>]>([
    ['core.sshCommand', (program) => ({ 'core.sshCommand': program, 'remote.origin.url': 'ssh://x.invalid/x' })],
    ['an address like ssh', (program) => ({ 'core.sshCommand': program, 'remote.origin.url': 'x.invalid:x' })],
    ['ext::', (program) => ({ 'protocol.ext.allow': 'always', 'remote.origin.url': `ext::${program}` })],
    [
      'remote.origin.vcs',
      (program) => ({ 'protocol.ext.allow': 'always', 'remote.origin.vcs': 'ext', 'remote.origin.url': program }),
    ],
    ['core.gitProxy', (program) => ({ 'core.gitProxy': program, 'remote.origin.url': 'git://x.invalid/x' })],
    ['remote.origin.uploadpack', (program) => ({ 'remote.origin.uploadpack': program, 'remote.origin.url': '.' })],
    [
      'url.….insteadOf',
      (program) => ({
        'protocol.ext.allow': 'always',
        [`url.ext::${program} .insteadOf`]: 'https:',
        'remote.origin.url': 'https://x.invalid/x',
      }),
    ],
  ])('to fetch what a partial clone lacks: %s', async (name, configuration) => {
    await using repository = await TestRepository.create({ 'a.txt': 'one\n', 'lacking.txt': 'lacking\n' });
    const lacking = await repository.git('rev-parse', 'HEAD:lacking.txt');
    const program = await canaries.program(name);
    await rm(join(repository.path, '.git/objects', lacking.slice(0, 2), lacking.slice(2)));
    const clone = {
      'core.repositoryFormatVersion': '1',
      'extensions.partialClone': 'origin',
      'remote.origin.promisor': 'true',
    };
    for (const [key, value] of Object.entries({ ...clone, ...configuration(program) })) {
      await repository.git('config', key, value);
    }
    const { project } = await write('addProject', 'AddProjectInput', { path: repository.path, name });
    if (project !== null) {
      for (const includeUncommitted of [false, true]) {
        await submit({ projectId: project.id, includeUncommitted });
      }
      expect(await submit({ projectId: project.id })).toMatchObject({
        job: null,
        userErrors: [{ message: expect.stringContaining('where it is a partial clone') }],
      });
    }
    expect(await canaries.fired()).toEqual([]);
    await plainGit(repository.path, '-c', 'protocol.file.allow=always', 'cat-file', '-p', lacking);
    expect(await canaries.fired()).toHaveLength(1);
  });
});

it('a file beside a repository is not sent, though its index names it', async () => {
  await using repository = await TestRepository.create({ 'repository/a.txt': 'one\n', secret: 'SECRET\n' });
  const path = join(repository.path, 'repository');
  await run('git', ['init', '--quiet'], { cwd: path });
  const blob = await repository.git('-C', path, 'hash-object', '-w', 'a.txt');
  await repository.git('-C', path, 'add', 'a.txt');
  await repository.git('-C', path, 'commit', '--quiet', '--message', 'A commit');
  const { project } = await write('addProject', 'AddProjectInput', { path, name: 'forged index' });
  // git refuses the path itself, but reads it.
  await repository.git('-C', path, 'update-index', '--add', '--cacheinfo', `100644,${blob},-./secret`);
  const index = await readFile(join(path, '.git/index'), 'latin1');
  await writeFile(join(path, '.git/index'), index.replace('-./secret', '../secret'), 'latin1');
  const message = expect.stringContaining("git's index holds ../secret, which is not a path below its top level");
  expect(await submit({ projectId: project?.id, includeUncommitted: true })).toEqual({
    job: null,
    userErrors: [{ message }],
  });
  expect(await write('syncProject', 'SyncProjectInput', { id: project?.id })).toMatchObject({
    userErrors: [{ message }],
  });
  expect(await write('addProject', 'AddProjectInput', { path, name: 'again' })).toMatchObject({
    userErrors: [{ message }],
  });
});

/** Where a program of this name runs in plain git: the canaries above could have sung. */
describe('a canary behind a key is run by plain git', () => {
  let repository: TestRepository;

  beforeAll(async () => {
    repository = await repositoryWithEverything();
    await repository.git('switch', '--quiet', '--create', 'other', 'HEAD~1');
    await repository.write({ 'a.txt': 'other\n' });
    await repository.git('commit', '--quiet', '--all', '--message', 'Other');
    await repository.git('switch', '--quiet', 'main');
    await repository.write({ 'a.txt': 'main\n' });
    await repository.git('commit', '--quiet', '--all', '--message', 'Main');
    await repository.git('-C', 'sub', 'commit', '--quiet', '--allow-empty', '--message', 'Another state');
    await mkdir(join(repository.path, '.git/objects/info'), { recursive: true });
    await writeFile(
      join(repository.path, '.git/objects/info/alternates'),
      `${repository.path}/.git/modules/sub/objects\n`,
    );
  });

  beforeEach(async () => {
    await repository.git('-c', 'core.fsmonitor=false', 'reset', '--quiet', '--hard');
    await repository.write({ 'a.txt': 'changed\n' });
  });

  afterAll(async () => {
    await repository[Symbol.asyncDispose]();
  });

  const commit = ['commit', '--allow-empty', '--message', 'x'];
  it.each<[string, readonly string[], string?]>([
    ['alias.x', ['x']],
    ['core.alternateRefsCommand', ['receive-pack', '.']],
    ['core.askPass', ['credential', 'fill']],
    ['core.editor', ['commit', '--allow-empty']],
    ['core.fsmonitor', ['status']],
    ['core.gitProxy', ['ls-remote', 'git://x.invalid/x']],
    ['core.hooksPath', commit],
    ['core.sshCommand', ['ls-remote', 'ssh://x.invalid/x']],
    ['credential.helper', ['credential', 'fill']],
    ['credential.https://x.invalid.helper', ['credential', 'fill']],
    ['diff.external', ['diff', '.gitattributes', 'a.txt']],
    ['diff.x.command', ['diff']],
    ['diff.x.textconv', ['diff']],
    ['difftool.x.cmd', ['difftool', '--no-prompt', '--tool=x']],
    ['filter.x.clean', ['add', 'a.txt']],
    ['filter.x.process', ['add', 'a.txt']],
    ['filter.x.smudge', ['checkout', '--', 'a.txt']],
    ['gpg.program', [...commit, '--gpg-sign']],
    ['gpg.ssh.defaultKeyCommand', ['-c', 'gpg.format=ssh', ...commit, '--gpg-sign']],
    ['man.x.cmd', ['-c', 'man.viewer=x', 'help', '--man', 'status']],
    ['merge.x.driver', ['merge', '--strategy-option=theirs', 'other']],
    ['sequence.editor', ['rebase', '--interactive', '--autostash', 'HEAD~1']],
    ['submodule.sub.update', ['submodule', 'update']],
    ['tar.x.command', ['archive', '--format=x', 'HEAD']],
    ['trailer.x.command', ['interpret-trailers', '--trailer', 'x=1']],
    ['browser.x.cmd', ['web--browse', '--browser=x', 'http://x.invalid']],
  ])('%s', async (key, command) => {
    const program = await canaries.program(key);
    const value = /^alias|update$/.test(key) ? `!${program}` : (values.get(key) ?? program);
    await plainGit(repository.path, '-c', `${key}=${value}`, ...command);
    expect(await canaries.fired()).toContain(key.replaceAll('/', '_'));
  });

  it.each([
    ['core.pager', ['log']],
    ['pager.log', ['log']],
    ['interactive.diffFilter', ['add', '--patch']],
  ])('in a terminal: %s', async (key, command) => {
    const words = ['git', '-c', `${key}=${await canaries.program(key)}`, ...command];
    await run('script', ['-qec', words.join(' '), '/dev/null'], { cwd: repository.path, timeout: 20_000 }).catch(
      () => undefined,
    );
    expect(await canaries.fired()).toContain(key);
  });
});

it('what the server starts gets none of what the server was given', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'slurmql-environment-'));
  const record = join(directory, 'record');
  const { stdout: git } = await run('sh', ['-c', 'command -v git']);
  // For a search path that holds the working directory.
  const trap = `#!/bin/sh\necho secret >>'${record}'\n`;
  await using repository = await TestRepository.create({ git: trap, env: trap, 'git-ls-files': trap });
  await run('chmod', ['+x', 'git', 'env', 'git-ls-files'], { cwd: repository.path });
  // It shadows the real one, and is what the server finds.
  await mkdir(join(directory, 'bin'));
  await writeFile(join(directory, 'bin/git'), `#!/bin/sh\nenv >>'${record}'\nexec ${git.trim()} "$@"\n`, {
    mode: 0o755,
  });
  await writeFile(join(directory, 'clusters.yaml'), 'clusters: {}\n');
  const given = {
    SLURMQL_TOKEN: 'a-token-that-nobody-may-see',
    SLURMQL_DATABASE_URL: `sqlite:${directory}/secret.db`,
    AWS_SECRET_ACCESS_KEY: 'secret',
    GITHUB_TOKEN: 'secret',
    SSH_AUTH_SOCK: '/secret/agent',
    NODE_OPTIONS: '--title=secret',
    GIT_SSH_COMMAND: 'secret',
    GIT_ASKPASS: 'secret',
  };
  const server = new ServerProcess(directory, { ...given, PATH: `.:${directory}/bin:${process.env['PATH']}` });
  const address = (await server.firstLine()).replace('SlurmQL listening on ', '');
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${given.SLURMQL_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      query: 'mutation ($path: String!) { addProject(input: { path: $path }) { userErrors { message } } }',
      variables: { path: repository.path },
    }),
  });
  expect(await response.json()).toEqual({ data: { addProject: { userErrors: [] } } });
  await server.stop('SIGTERM');
  const names = new Set((await readFile(record, 'utf8')).split('\n').map((line) => line.split('=')[0]));
  for (const own of ['PATH', 'HOME', 'LC_ALL', 'PWD', 'OLDPWD', 'SHLVL', '_', '']) names.delete(own);
  expect([...names].filter((name) => !name?.startsWith('GIT_')).sort()).toEqual([]);
  expect(await readFile(record, 'utf8')).not.toMatch(/secret|nobody-may-see/);
  await rm(directory, { recursive: true });
});
