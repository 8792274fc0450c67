import { ensurePackages, type LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { expectSame, PROBE, TwoWays } from './support/differential.ts';
import { Workbench } from './support/jobs.ts';
import { startSlurm } from './support/slurm.ts';

const CLUSTER = {
  nodes: [
    { name: 'n1', cpus: 256, memoryMb: 900_000 },
    { name: 'n2', cpus: 8, memoryMb: 8000 },
  ],
  partitions: [
    { name: 'main', nodes: ['n1'] },
    // Slurm puts no two components of a job on one node.
    { name: 'aside', nodes: ['n2'] },
  ],
  accounting: false,
} as const;
const SHELLS = { bash: '/bin/bash', zsh: '/usr/bin/zsh', tcsh: '/usr/bin/tcsh', fish: '/usr/bin/fish' } as const;
type Shell = keyof typeof SHELLS;
const isRelease = inject('release') !== undefined;
// The systems of other releases have no fish. What a shell hands on depends on its own version, which is that system's.
const NAMES = (Object.keys(SHELLS) as readonly Shell[]).filter((name) => !isRelease || name !== 'fish');

let slurm: LocalSlurm;
const logins = new Map<Shell, ClusterLogin>();
const ways = new Map<Shell, TwoWays>();
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  if (!isRelease) await ensurePackages(['tcsh', 'fish', 'zsh']);
  slurm = await startSlurm({
    clusters: NAMES.map((name) => ({
      ...CLUSTER,
      name,
      account: { home: `home-${name}`, shell: SHELLS[name] },
    })),
  });
  stack.defer(() => slurm.stop());
  const bench = stack.use(await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 })));
  for (const name of NAMES) {
    const login = await ClusterLogin.open(slurm.cluster(name));
    logins.set(name, login);
    ways.set(name, new TwoWays(slurm, login, bench, name));
  }
});
afterAll(() => stack.disposeAsync());

function of<T>(map: ReadonlyMap<Shell, T>, name: Shell): T {
  const found = map.get(name);
  if (found === undefined) throw new Error(`no login of ${name}`);
  return found;
}

/** Writes a start-up file of the login whole. */
async function write(name: Shell, file: string, lines: string): Promise<void> {
  const text = Buffer.from(`${lines}\n`).toString('base64');
  await of(logins, name).run(`mkdir -p "$(dirname '${file}')" && echo ${text} | base64 -d >'${file}'`);
}

describe.concurrent('a job sees what it would see in a script given to sbatch by hand', () => {
  const files: Readonly<Record<Exclude<Shell, 'bash'>, readonly [string, string]>> = {
    zsh: ['.zshenv', 'umask 027; export FROM_ZSH="a  b"; setopt noclobber'],
    tcsh: ['.cshrc', 'umask 007\nsetenv FROM_TCSH "a  b"\nlimit coredumpsize 0'],
    fish: ['.config/fish/config.fish', 'umask 027\nset -gx FROM_FISH "a  b"'],
  };

  it.each(NAMES.filter((name) => name !== 'bash'))('on a login of %s', async (name) => {
    await write(name, ...files[name]);
    const way = of(ways, name);
    const [byHand, byUs] = await Promise.all([way.byHand(PROBE), way.byUs(PROBE)]);
    expectSame(await byUs.seen(), await byHand.seen());
  });

  it('on a login of bash, with start-up files of many kinds', async () => {
    const plain = 'export FROM_PROFILE="a  b"; conda() { echo "conda $*"; }; alias ll="ls -l"; shopt -s extglob';
    const kinds: Readonly<Record<string, { readonly lines: string; readonly byHand?: string }>> = {
      plain: { lines: plain },
      'that set a umask and limits': { lines: 'umask 027; ulimit -c 0; ulimit -S -n 512' },
      'that stop at every fault': { lines: 'set -eu -o pipefail' },
      'that are noisy': { lines: 'echo hello; echo there >&2; cat /nowhere; read -r line' },
      'that name the working directory for programs and libraries': {
        lines: `export PATH=".:$PATH:" LD_LIBRARY_PATH="/opt/lib:" PYTHONPATH=: PERL5LIB=. LUA_PATH='./?.lua;;'`,
      },
      'that name more for all shells': { lines: `${plain}; export BASH_ENV="$HOME/env.sh"` },
      'that export functions': { lines: 'module() { echo "module $*"; }; export -f module; export SHELLOPTS' },
      // By hand nothing would run: it is held against what they had set before.
      'that exit where nobody types': { lines: `${plain}\ncase $- in *i*) ;; *) exit ;; esac`, byHand: plain },
      'that turn into another shell': { lines: `${plain}\nexec zsh -l`, byHand: plain },
      'that turn into bash once more': { lines: `${plain}\nexec bash`, byHand: plain },
    };
    const way = of(ways, 'bash');
    await write('bash', 'env.sh', 'from_bash_env() { :; }');
    for (const [kind, { lines, byHand = lines }] of Object.entries(kinds)) {
      await write('bash', '.bash_profile', byHand);
      const hand = await (await way.byHand(PROBE)).seen();
      await write('bash', '.bash_profile', lines);
      const ours = await (await way.byUs(PROBE)).seen();
      expectSame({ kind, ...ours }, { kind, ...hand });
    }
  });
});

describe('a job is told where sbatch was run as in a script given to sbatch by hand', () => {
  const tell = `{ echo "$SLURM_SUBMIT_DIR"; echo "$PWD"; echo "$OLDPWD"; pwd -P; env | grep submit/; } >>../stdout.log`;
  // The log of a task has another name, so what is told goes to one that both ways have.
  const done = 'echo "all told" >>../stdout.log';
  const kinds: readonly (readonly [string, string, readonly string[], Readonly<Record<string, unknown>>])[] = [
    ['in a task of an array', `${tell}; ${done}`, ['--array=3'], { array: '3' }],
    ['in a step', `srun sh -c 'echo "$SLURM_SUBMIT_DIR $PWD"' >>../stdout.log; ${done}`, [], {}],
    [
      'in a heterogeneous job, and in steps of its components',
      `${tell}; srun --het-group=0,1 sh -c 'echo "$SLURM_SUBMIT_DIR $PWD"' >>../stdout.log; ${done}`,
      [':', '--partition=aside'],
      { components: [{ partition: 'aside' }] },
    ],
    [
      'after a requeue',
      `${tell}; [ -n "$SLURM_RESTART_COUNT" ] || { scontrol requeue "$SLURM_JOB_ID"; sleep 60; }; ${done}`,
      [],
      {},
    ],
  ];

  it.concurrent.each(kinds)('%s', async (_what, command, options, input) => {
    const way = of(ways, 'zsh');
    const [byHand, byUs] = await Promise.all([
      way.byHand(command, ['--open-mode=append', ...options]),
      way.byUs(command, input),
    ]);
    const told = async (run: typeof byHand | typeof byUs) => {
      await run.prints('all told\n');
      return (await run.log()).replaceAll(run.project, '<project>');
    };
    const hand = await told(byHand);
    expect(hand).toContain('<project>');
    expect(await told(byUs)).toBe(hand);
  });
});

/** What runs until it is told to end, in a shell that gets signals at once. */
const WAIT = 'while :; do sleep 0.1; done';

describe('a job ends as it would end in a script given to sbatch by hand', () => {
  const ends: readonly string[] = [
    'exit 0',
    'exit 3',
    'exit 143',
    'exit 255',
    'false',
    'set -e; false; echo not reached',
    'if true; then',
    'nothing-like-that',
    'kill -9 $$; echo not reached',
    'kill -TERM $$; echo not reached',
    'kill -USR1 $$; echo not reached',
    'kill -SEGV $$; echo not reached',
    "bash -c 'kill -9 $$'; exit",
    "exec bash -c 'exit 143'",
    "exec bash -c 'kill -HUP $$'",
    'trap "echo at the end; exit 9" EXIT; exit 2',
    'trap "kill -- -$$" EXIT; sleep 60 & exit 2',
    'cat <<EOF\nnever closed',
    'echo a \\',
    'rm ../stdout.log; mkfifo ../stdout.log; exit 4',
    'rm -rf ../run; exit 4',
    `PATH=/nowhere; unset \${!SLURM_*}; umask 777; exit 5`,
  ];

  it.concurrent.each(ends)('by itself: %s', async (command) => {
    const way = of(ways, 'zsh');
    const [byHand, byUs] = await Promise.all([way.byHand(command), way.byUs(command)]);
    const [hand, ours] = await Promise.all([byHand.slurmEnd(), byUs.slurmEnd()]);
    expect(ours).toEqual(hand);
    const [code, signal] = hand.exit.split(':').map(Number);
    expect(await byUs.ended()).toMatchObject({
      state: hand.state,
      exitCode: signal === 0 ? code : null,
      signal: signal === 0 ? null : signal,
    });
    if (!command.includes('mkfifo')) expect(await byUs.log()).toBe(await byHand.log());
  });

  const handlers = ['USR1', 'USR2', 'HUP', 'INT', 'QUIT', 'ALRM', 'TERM', 'CONT'].map(
    (name) =>
      [
        `by its handler of ${name}, which is meant for the batch shell`,
        `trap 'echo handled; exit 5' ${name}; echo ready; ${WAIT}`,
        ['scancel', '--batch', `--signal=${name}`],
      ] as const,
  );
  const signals: readonly (readonly [string, string, readonly [string, ...string[]]])[] = [
    ...handlers,
    [
      'by its handler of what is meant for all processes, which runs once',
      `trap 'echo handled; count=$((count + 1))' USR2; echo ready; until [ -n "$count" ]; do sleep 0.1; done; sleep 1; exit "$count"`,
      ['scancel', '--full', '--signal=USR2'],
    ],
    ['by what nothing traps', `echo ready; sleep 60; echo no`, ['scancel', '--batch', '--signal=USR1']],
    ['by being cancelled', `echo ready; sleep 60; echo no`, ['scancel']],
    ['by its handler of being cancelled', `trap 'echo saved; exit 0' TERM; echo ready; ${WAIT}`, ['scancel']],
    [
      'by a program that has taken the place of the shell',
      `exec bash -c "trap 'echo handled; exit 6' USR1; echo ready; ${WAIT}"`,
      ['scancel', '--batch', '--signal=USR1'],
    ],
    [
      'by a handler that has it run again',
      `[ -z "$SLURM_RESTART_COUNT" ] || { echo second; exit 7; }
trap 'scontrol requeue "$SLURM_JOB_ID"; exit 1' USR1; echo ready; ${WAIT}`,
      ['scancel', '--batch', '--signal=USR1'],
    ],
    [
      'by its handler of the signal that it asked for before its time is up',
      `#SIGNAL\ntrap 'echo saved; exit 0' USR1; echo ready; ${WAIT}`,
      // Nobody sends anything.
      ['true'],
    ],
  ];

  it.concurrent.each(signals)('%s', async (_what, command, [program, ...args]) => {
    const way = of(ways, 'zsh');
    const options = command.startsWith('#SIGNAL') ? ['--time=1', '--signal=B:USR1@50'] : [];
    const [byHand, byUs] = await Promise.all([
      way.byHand(command, [...options, '--open-mode=append']),
      way.byUs(command, { extraOptions: options.slice(1), ...(options.length > 0 && { timeLimitMinutes: 1 }) }),
    ]);
    // Slurm sends what was asked for by itself: the job may be over before anybody looks.
    const beginning = options.length > 0 ? 'prints' : 'says';
    await Promise.all([byHand[beginning]('ready\n'), byUs[beginning]('ready\n')]);
    await Promise.all([byHand.command(program, args), byUs.command(program, args)]);
    // slurmctld may take the end of a cancelled job's node before that of its script, and tells its exit code late.
    const hand = await vi.waitFor(
      async () => {
        const [byThem, byOurs] = await Promise.all([byHand.slurmEnd(), byUs.slurmEnd()]);
        expect(byOurs).toEqual(byThem);
        return byThem;
      },
      { timeout: 60_000, interval: 500 },
    );
    expect(await byUs.log()).toBe(await byHand.log());
    const [code, signal] = hand.exit.split(':').map(Number);
    expect(await byUs.ended()).toMatchObject({
      state: hand.state,
      exitCode: signal === 0 && (code !== 0 || hand.state === 'COMPLETED') ? code : null,
      signal: signal === 0 ? null : signal,
    });
  });
});
