import type { LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { SMALL, startSlurm } from './support/slurm.ts';
import { timeline } from './support/told.ts';

/** By cluster: what stands in the start-up files of its login. */
const FILES = {
  guarded: { '.bash_profile': 'case $- in *i*) ;; *) exit ;; esac' },
  replaced: { '.profile': 'export FROM_PROFILE=yes\nexec zsh -l' },
  // What only bash itself could withstand.
  hollow: { '.bash_profile': 'builtin exec true' },
  meddling: {
    '.bashrc': 'export HF_HOME=/rc; cd /tmp; alias python=false',
    '.bash_profile': '. "$HOME/.bashrc"; conda() { echo "conda $*"; }; export WANDB_MODE=offline; readonly LOCKED=1',
  },
} as const;
type Name = keyof typeof FILES;
const NAMES = Object.keys(FILES) as readonly Name[];

let slurm: LocalSlurm;
let bench: Workbench;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startSlurm({
    clusters: NAMES.map((name) => ({
      ...SMALL,
      name,
      account: { home: `home-${name}` },
    })),
  });
  stack.defer(() => slurm.stop());
  await Promise.all(
    NAMES.map(async (name) => {
      const login = await ClusterLogin.open(slurm.cluster(name));
      await login.run('rm -f .profile .bash_profile .bash_login');
      for (const [file, lines] of Object.entries(FILES[name]))
        await login.run(`cat >>"$HOME/${file}" <<'END OF FILE'\n${lines}\nEND OF FILE\n`);
    }),
  );
  bench = stack.use(await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 })));
});
afterAll(() => stack.disposeAsync());

describe.concurrent('a job runs, and ends as its command does, on a login whose start-up files', () => {
  it.each([
    ['guarded', 'end every shell that nobody types into'],
    ['replaced', 'turn it into another shell'],
  ] as const)('%s: %s', async (cluster, _what) => {
    const job = await bench.submit({ cluster, command: 'echo "RAN $FROM_PROFILE"; exit 3' });
    expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 3, signal: null });
    expect(await bench.wholeLog(job.id)).toMatch(/^RAN (yes)?\n$/);
    const good = await bench.submit({ cluster, command: 'true' });
    expect(await bench.ended(good.id)).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
  });
});

describe.concurrent('a job of which nothing ran', () => {
  it('is no success, though Slurm calls it one', async () => {
    const job = await bench.submit({ cluster: 'hollow', command: 'echo RAN; exit 3' });
    expect(await bench.ended(job.id)).toMatchObject({
      state: 'FAILED',
      exitCode: null,
      signal: null,
      reason: expect.stringContaining('its command never began'),
    });
    expect(await bench.wholeLog(job.id)).toBe('');
    expect(await timeline(bench, job.id)).not.toContain('COMPLETED');
    const told = await slurm.run('hollow', 'scontrol', ['--oneliner', 'show', 'job', job.slurmJobId ?? '']);
    expect(told).toMatch(/ JobState=COMPLETED .* ExitCode=0:0 /);
  });
});

describe('a job has what was asked for, whatever the start-up files say', () => {
  it('its variables in every byte, its project as its working directory, and the functions of the login', async () => {
    const values = {
      HF_HOME: '/asked',
      LINES_: 'one\ntwo\n\n',
      QUOTES: `it's "quoted" \`id\` $(id) $HOME \\ !`,
      DASH: '-n -e --',
      EMPTY: '',
      LONG: 'x'.repeat(8000),
      UNICODE: 'café \u{1F680} \u007f\u0001',
    };
    const environment = Object.entries(values).map(([name, value]) => ({ name, value }));
    const job = await bench.submit({
      cluster: 'meddling',
      environment,
      command: `pwd; conda activate x; echo "$WANDB_MODE"; for name in ${Object.keys(values).join(' ')}; do printf %s "\${!name}" | base64 -w 0; echo; done`,
    });
    expect(await bench.ended(job.id)).toMatchObject({ state: 'COMPLETED' });
    const [directory, conda, mode, ...rest] = (await bench.wholeLog(job.id)).trimEnd().split('\n');
    expect([directory, conda, mode]).toEqual([`${job.workDir}/source`, 'conda activate x', 'offline']);
    expect(rest.map((line) => Buffer.from(line, 'base64').toString())).toEqual(Object.values(values));
  });

  it('or does not run: a variable that the login has made read-only', async () => {
    const job = await bench.submit({
      cluster: 'meddling',
      environment: [{ name: 'LOCKED', value: '2' }],
      command: 'echo RAN',
    });
    expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 1 });
    expect(await bench.wholeLog(job.id, 'STDERR')).toContain('LOCKED: readonly variable');
    expect(await bench.wholeLog(job.id)).toBe('');
  });

  it('or fails: where a prologue ends it before its command begins', async () => {
    const setPrologue = (prologue: string | null) =>
      bench.server.query(
        'mutation ($id: ID!, $prologue: String) { updateProject(input: { id: $id, prologue: $prologue }) { project { id } } }',
        { id: bench.projectId, prologue },
      );
    await setPrologue('exit 0');
    const job = await bench.submit({ cluster: 'meddling', command: 'echo RAN' });
    await setPrologue(null);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 1 });
    expect(await bench.wholeLog(job.id, 'STDERR')).toBe(
      'Nothing was run: what runs before the command ended the job.\n',
    );
  });
});
