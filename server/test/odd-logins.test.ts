import { ensurePackages, type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth } from './support/cluster-health.ts';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { TestServer } from './support/server.ts';
import { SMALL } from './support/slurm.ts';

/** What a login may print before anything else: frames, rows and complaints that look like ours and Slurm's own. */
const BANNER = `Welcome!
begin queue 0123456789abcdef
1\u001fCOMPLETED\u001f0\u001f1\u001f2\u001f0\u001fn1\u001fmain\u001fNone\u001f/x/jobs/01K00000000000000000000000/job.sh\u001f/x\u001f\u001e
end queue 0123456789abcdef 0`;
const COMPLAINT = 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)';

/** Everything but Slurm's commands, as on a login that finds them in login shells alone. */
const PLAIN = `mkdir -p plain
for program in /usr/bin/*; do
  case \${program##*/} in
    sbatch | squeue | sacct | scancel | scontrol | sinfo) ;;
    *) ln -sf "$program" plain/ ;;
  esac
done
cat >banner <<'END'
${BANNER}
END
`;

/** By cluster: its login shell, and the files that such a shell reads, which print and hide Slurm's commands. */
const SHELLS = {
  tcsh: {
    shell: '/usr/bin/tcsh',
    files: {
      '.cshrc': `cat "$HOME/banner"
sh -c 'echo "${COMPLAINT}" >&2'
setenv PATH "$HOME/plain"
setenv SQUEUE_FORMAT "%i"
alias squeue "echo no"
set noclobber`,
      '.login': 'setenv PATH /usr/bin:/bin',
    },
  },
  fish: {
    shell: '/usr/bin/fish',
    files: {
      '.config/fish/config.fish': `cat "$HOME/banner"
echo "${COMPLAINT}" >&2
set -gx PATH "$HOME/plain"
set -gx SQUEUE_FORMAT "%i"
if status is-login
  set -gx PATH /usr/bin /bin
end`,
    },
  },
  zsh: {
    shell: '/usr/bin/zsh',
    files: {
      '.zshenv': `cat "$HOME/banner"
echo "${COMPLAINT}" >&2
export PATH="$HOME/plain" SQUEUE_FORMAT="%i"
setopt noclobber nounset`,
      '.zprofile': 'export PATH=/usr/bin:/bin',
    },
  },
  bash: {
    shell: '/bin/bash',
    files: {
      '.bashrc': `cat "$HOME/banner"
echo "${COMPLAINT}" >&2
PATH="$HOME/plain"
export SQUEUE_FORMAT="%i"`,
      '.bash_profile': 'PATH=/usr/bin:/bin',
    },
  },
} as const;
const NAMES = Object.keys(SHELLS) as (keyof typeof SHELLS)[];

/** Variables by which a login changes what Slurm's commands print, ask and do. */
const SETTINGS = `export SQUEUE_STATES=CANCELLED SQUEUE_FORMAT=%i SQUEUE_FORMAT2=JobID SQUEUE_PARTITION=none
export SQUEUE_USERS=root SQUEUE_NAMES=none SQUEUE_ACCOUNT=none SQUEUE_ALL=1 SQUEUE_ARRAY=1 SQUEUE_SORT=-i
export SQUEUE_CLUSTERS=none SACCT_FORMAT=JobID SACCT_FEDERATION=1 SACCT_LOCAL=1 SINFO_FORMAT=%n SINFO_PARTITION=none
export SCANCEL_INTERACTIVE=1 SCANCEL_STATE=PENDING SCANCEL_NAME=none SCANCEL_QOS=none SCANCEL_VERBOSE=1 SCONTROL_ALL=1
export SBATCH_JOB_NAME=other SBATCH_OUTPUT="$HOME/elsewhere" SBATCH_ERROR=/dev/null SBATCH_ARRAY_INX=1-3 SBATCH_HOLD=1
export SBATCH_PARTITION=none SBATCH_TIMELIMIT=0:01 SBATCH_EXPORT=NONE SBATCH_WAIT=1 SBATCH_QOS=none SBATCH_ACCOUNT=none
export SBATCH_CLUSTERS=none SLURM_CLUSTERS=none SLURM_TIME_FORMAT=relative SLURM_BITSTR_LEN=8`;

/** Of a login whose bash is replaced by zsh: patterns without a match and what isn't set are faults there. */
const COMPLAINT_OF_ZSH = `echo "${COMPLAINT}" >&2
setopt nomatch nounset noclobber`;

let slurm: LocalSlurm;
let bench: Workbench;
const logins = new Map<string, ClusterLogin>();
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  await ensurePackages(['tcsh', 'fish', 'zsh', 'locales', 'tzdata']);
  slurm = await startLocalSlurm({
    clusters: [
      ...NAMES.map((name) => ({
        ...SMALL,
        name,
        account: { home: `home-${name}`, shell: SHELLS[name].shell },
      })),
      { ...SMALL, name: 'odd', account: { home: `home of "O'Brien" 100%` } },
      { ...SMALL, name: 'german', account: { home: 'home-german' } },
      { ...SMALL, name: 'turned', account: { home: 'home-turned' } },
      { ...SMALL, name: 'settings', accounting: true, account: { home: 'home-settings' } },
    ],
  });
  stack.defer(() => slurm.stop());
  await Promise.all(
    NAMES.map(async (name) => {
      const files = Object.entries(SHELLS[name].files).map(([path, text]) => `cat >"${path}" <<'END'\n${text}\nEND\n`);
      const account = await ClusterLogin.open(slurm.cluster(name));
      await account.run(`${PLAIN}rm .bashrc; mkdir -p .config/fish\n${files.join('')}`);
    }),
  );
  for (const name of ['odd', 'german', 'settings']) logins.set(name, await ClusterLogin.open(slurm.cluster(name)));
  const turned = await ClusterLogin.open(slurm.cluster('turned'));
  await turned.run(`cat >.zshenv <<'END'
${COMPLAINT_OF_ZSH}
END
printf 'SCRATCH=%s/scratch; export SCRATCH\\n' "$HOME" >.bash_profile
echo '[ -n "$SLURM_JOB_ID" ] || exec zsh' >.bashrc`);
  const yaml = slurm.clustersYaml({ poll_interval_seconds: 1 });
  bench = stack.use(
    await Workbench.open(yaml.replace(/^( {2}turned:\n)/m, () => `  turned:\n    workspace: "\${SCRATCH}/of $USER"\n`)),
  );
});
afterAll(() => stack.disposeAsync());

/** A job goes through from its submission to its right end, with its times and its log. */
async function goesThrough(cluster: string, input: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const sentAt = Date.now();
  const job = await bench.submit({ cluster, command: 'bash hello.sh you; echo gone >&2; exit 4', ...input });
  const ended = await bench.ended(job.id);
  expect(ended).toMatchObject({ state: 'FAILED', exitCode: 4, signal: null });
  const [startedAt, endedAt] = [ended.startedAt, ended.endedAt].map((text) => Date.parse(text ?? ''));
  expect(startedAt).toBeGreaterThan(sentAt - 6000);
  expect(endedAt).toBeGreaterThanOrEqual(startedAt ?? Number.NaN);
  expect(endedAt).toBeLessThan(Date.now() + 6000);
  expect(await bench.wholeLog(job.id)).toContain('hello from you\n');
  expect(await bench.wholeLog(job.id, 'STDERR')).toContain('gone\n');
  expect(await new ClusterHealth(() => bench.server, cluster).now()).toMatchObject({
    status: 'ONLINE',
    statusMessage: null,
  });
}

describe.concurrent('a job goes through from its submission to its end, with its log, on a login', () => {
  it.each(NAMES)('of %s that prints on both streams and has Slurm in login shells alone', async (name) => {
    await goesThrough(name);
  });

  it("in another language, which also says what keeps a job from it until it doesn't", async () => {
    const login = loginOf('german');
    await rc('german', 'export LANG=C.UTF-8 LC_ALL=C.UTF-8 LANGUAGE=de');
    expect(await login.run('. ./.bashrc; ls nothing 2>&1 || :')).toContain('Datei oder Verzeichnis nicht gefunden');
    await goesThrough('german');
    await login.run('chmod 500 slurmql/jobs');
    const job = await bench.submit({ cluster: 'german', command: 'exit 4', waitSeconds: 20 });
    expect(job).toMatchObject({ state: 'SUBMITTING', reason: expect.stringContaining('Permission denied') });
    const health = new ClusterHealth(() => bench.server, 'german');
    const { statusMessage } = await health.reaches('DEGRADED');
    expect(statusMessage).toMatch(/^Jobs can't be submitted: The workspace can't be written: .*set "workspace" in/);
    await login.run('chmod 700 slurmql/jobs');
    // It would be tried again by itself, later.
    await health.connect();
    expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 4 });
    await health.reaches('ONLINE');
  });

  it('whose .bashrc turns into zsh, in a workspace that a variable of login shells leads to', async () => {
    await goesThrough('turned');
    const job = await bench.submit({ cluster: 'turned', command: 'exit 4' });
    const { workDir } = await bench.ended(job.id);
    const { user } = slurm.cluster('turned');
    expect(workDir?.startsWith(`${slurm.directory}/home-turned/scratch/of ${user}/jobs/`)).toBe(true);
  });

  it("with settings for every one of Slurm's commands", async () => {
    const login = loginOf('settings');
    await rc('settings', SETTINGS);
    await goesThrough('settings');
    const running = await bench.submit({ cluster: 'settings', command: 'sleep 600' });
    await bench.reaches(running.id, 'RUNNING');
    await bench.cancel(running.id);
    expect(await bench.ended(running.id)).toMatchObject({ state: 'CANCELLED' });
    expect(await login.run('ls')).not.toContain('elsewhere');
    // What squeue doesn't show is asked of the accounting.
    const waits = 'while [ ! -e "$HOME/go" ]; do sleep 0.2; done; exit 9';
    const job = await bench.submit({ cluster: 'settings', command: waits });
    await bench.reaches(job.id, 'RUNNING');
    await using _wrapper = await login.wrap('squeue', ':');
    await login.run('touch go');
    expect(await bench.ended(job.id)).toMatchObject({ state: 'FAILED', exitCode: 9, nodeList: 'n1' });
  });
});

// Each command reads .bashrc anew, and each job .bash_profile.
describe('a job goes through where the home has spaces, quotes and a percent sign in its path, on a login', () => {
  it.each([
    ['without anything else', ''],
    ['in the time zone of Kiritimati', 'export TZ=Pacific/Kiritimati'],
    ['in the time zone of the Marquesas', 'export TZ=Pacific/Marquesas SLURM_TIME_FORMAT=relative'],
    ['that stops at every fault', 'set -eu -o pipefail -o noclobber; set -f'],
    [
      'with aliases and functions for common commands',
      `shopt -s expand_aliases; alias rm='rm -i' mv='mv -i' ls='ls --color=always' printf='echo' date='date -R'
cd() { builtin cd "$@" && ls; }; export -f cd; export CDPATH=.:..: GREP_OPTIONS=--color=always`,
    ],
    ['that exports its shell options', 'set -u; export SHELLOPTS'],
  ])('%s', async (_which, lines) => {
    await rc('odd', lines);
    await goesThrough('odd');
  });
});

it('what a login says instead of running a command is the word on its cluster', async () => {
  const sshd = `ForceCommand echo "Password change required but no TTY available." >&2; exit 1`;
  await using stopped = new AsyncDisposableStack();
  const closed = await startLocalSlurm({ clusters: [{ ...SMALL, name: 'closed', sshdConfig: [sshd] }] });
  stopped.defer(() => closed.stop());
  const server = stopped.use(await TestServer.start(closed.clustersYaml()));
  const { statusMessage } = await new ClusterHealth(() => server, 'closed').reaches('DEGRADED');
  expect(statusMessage).toMatch(
    /^the login ended with exit code 1 instead of running a command\. The login said: Password change required but no TTY available\./,
  );
});

function loginOf(name: string): ClusterLogin {
  const login = logins.get(name);
  if (login === undefined) throw new Error(`no login of ${name}`);
  return login;
}

/** Start-up files of a login: the PATH with wrappers, and these lines. */
async function rc(name: string, lines: string): Promise<void> {
  await loginOf(name).run(`cat >.bashrc.new <<'END' && mv .bashrc.new .bashrc
PATH="$HOME/wrappers:/usr/bin:/bin"
${lines}
END
echo '. "$HOME/.bashrc"' >.bash_profile`);
}
