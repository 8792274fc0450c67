import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workbench } from './support/jobs.ts';

const run = promisify(execFile);
/** Every name, kind, executable bit and content below a directory, as lines that can be compared. */
const LIST = `export LC_ALL=C
find . -path ./.git -prune -o -type l -printf 'link %P -> %l\\0' -o -type f -perm -u+x -printf 'executable %P\\0' -o -type f -printf 'file %P\\0' | sort -z | tr '\\0' '\\n' | od -An -c
find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | od -An -c`;

let bench: Workbench;

beforeAll(async () => {
  bench = await Workbench.open();
});

afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
});

/** Names are bytes, one character each. */
async function write(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name, 'latin1')]);
    await mkdir(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(dirname(name), 'latin1')]), {
      recursive: true,
    });
    await writeFile(path, content);
  }
}

async function listed(directory: string): Promise<string> {
  return (await run('bash', ['-c', LIST], { cwd: directory })).stdout;
}

describe('the files of a job on the cluster', () => {
  const files = {
    '.gitattributes': 'tests/ export-ignore\n*.txt export-subst ident text eol=crlf\n*.bin filter=shout\n',
    'tests/test.py': 'assert True\n',
    'version.txt': '$Format:%H$ $Id$\nsecond line\n',
    'weights.bin': 'plain\n',
    'latin-\xe9\xff.dat': 'no UTF-8\n',
    'new\nline': 'x\n',
    '-rf': 'leading dash\n',
    empty: '',
    [`${'deep/'.repeat(50)}${'n'.repeat(150)}`]: 'long\n',
    'run.sh': '#!/bin/sh\n',
  };

  it('are those of the commit, byte for byte, whatever attributes and odd names there are', async () => {
    const plain = await mkdtemp(join(tmpdir(), 'slurmql-plain-'));
    for (const directory of [plain, bench.repository.path]) {
      await write(directory, { ...files, 'hello.sh': 'echo hello\n' });
      await chmod(join(directory, 'run.sh'), 0o755);
      await symlink('../outside/nothing', join(directory, 'link'));
    }
    await bench.repository.git('config', 'filter.shout.smudge', 'tr a-z A-Z');
    // As the bytes are, so that no attribute has a say on the way in.
    await bench.repository.git('config', 'core.attributesFile', '/dev/null');
    await write(bench.repository.path, { '.git/info/attributes': '* -text -filter -ident\n' });
    await bench.repository.commit('Odd files');
    await rm(join(bench.repository.path, '.git/info/attributes'));
    await bench.repository.git('config', 'core.autocrlf', 'true');
    await bench.repository.git('config', 'tar.umask', '0777');

    const committed = await bench.submit({ command: LIST });
    expect(committed.hasUncommittedChanges).toBe(false);
    expect(await bench.wholeLog(committed.id)).toBe(await listed(plain));

    const onDisk = await bench.submit({ command: LIST, includeUncommitted: true });
    expect(onDisk.hasUncommittedChanges).toBe(false);
    expect(await bench.wholeLog(onDisk.id)).toBe(await listed(plain));
    await rm(plain, { recursive: true });
  });

  it('are those on disk with uncommitted changes, repositories inside included, and the job says so', async () => {
    const { repository } = bench;
    await repository.write({ 'version.txt': 'by hand\r\n', 'nested/code.py': 'x = 1\n', 'fresh/code.py': 'y = 2\n' });
    for (const name of ['nested', 'fresh']) await repository.git('init', '--quiet', name);
    await repository.git('-C', 'nested', 'add', '--all');
    await repository.git('-C', 'nested', 'commit', '--quiet', '--message', 'Inside');
    await rm(join(repository.path, 'empty'));
    await repository.git('update-index', '--assume-unchanged', 'version.txt');
    const job = await bench.submit({
      command: 'cat nested/code.py fresh/code.py version.txt; ls empty 2>&1 | wc -l; ls -d nested/.git',
      includeUncommitted: true,
    });
    expect(job.hasUncommittedChanges).toBe(true);
    expect(await bench.wholeLog(job.id)).toBe('x = 1\ny = 2\nby hand\r\n1\n');
  });

  it('are refused by name and size when they are too many bytes', async () => {
    await bench.repository.write({ 'checkpoints/last.pt': '' });
    await truncate(join(bench.repository.path, 'checkpoints/last.pt'), 9 * 1024 ** 3);
    const { submitJob } = await bench.server.query<{ submitJob: object }>(
      'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } userErrors { code path message } } }',
      { input: { projectId: bench.projectId, cluster: 'alpha', command: 'true', includeUncommitted: true } },
    );
    expect(submitJob).toEqual({
      job: null,
      userErrors: [
        {
          code: 'INVALID_INPUT',
          path: ['input', 'includeUncommitted'],
          message: expect.stringMatching(/checkpoints\/last\.pt \(9 GiB\).* at most 1 GiB of such files/),
        },
      ],
    });
  });
});
