import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth } from './support/cluster-health.ts';
import { ClusterLogin } from './support/cluster-login.ts';
import { type JobData, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { SMALL } from './support/slurm.ts';

// Jobs whose directories and names hold what separates Slurm's rows, and whole rows about other jobs.

let slurm: LocalSlurm;
let login: ClusterLogin;
let bench: Workbench;
let health: ClusterHealth;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [{ ...SMALL, name: 'alpha', accounting: true }],
  });
  stack.defer(() => slurm.stop());
  login = await ClusterLogin.open(slurm.cluster('alpha'));
  bench = stack.use(await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 })));
  health = new ClusterHealth(() => bench.server, 'alpha');
});
afterAll(() => stack.disposeAsync());

/** Resolves once the queue has been read twice. */
async function twoPolls(): Promise<void> {
  for (let seen: string | undefined, count = 0; count < 2; count += 1) {
    const { cluster } = await until(
      () => bench.server.query<{ cluster: { lastPolledAt: string } }>('{ cluster(name: "alpha") { lastPolledAt } }'),
      ({ cluster: { lastPolledAt } }) => lastPolledAt !== seen,
    );
    seen = cluster.lastPolledAt;
  }
}

const directoryOf = async ({ slurmJobId }: JobData) => (await login.run(`squeue -h -j ${slurmJobId} -o %Z`)).trim();

/** As a word of bash, without a line feed at the end being lost. */
const quoted = (text: string) => `$'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;

describe('a job whose directory holds what separates the rows of squeue', () => {
  it.each([
    ['rows about another job', (forged: string) => `/shared/a\x1f\x1e\n${forged}`],
    ['nothing but ends of rows', () => `/${'a\x1e'.repeat(2000)}`],
    ['nothing but ends of fields', () => `/${'a\x1f'.repeat(2000)}`],
  ])('changes no other job, and holds up none: %s', async (_what, text) => {
    const job = await bench.submit({ command: 'sleep 600' });
    await bench.reaches(job.id, 'RUNNING');
    const directory = await directoryOf(job);
    const fields = [job.slurmJobId, 'FAILED', '256', '1795494207', '1795494210', '0', 'n1', 'main', 'None', 'N/A'];
    const forged = [...fields, '10:00', `${directory}/job.sh`, directory, '\x1e'].join('\x1f');
    const chdir = `--chdir=${quoted(text(forged))}`;
    const script = `sbatch --parsable --hold --array=1-5 ${chdir} --wrap true; sbatch --parsable --hold ${chdir} --wrap true`;
    const numbers = (await login.run(script)).trim().split('\n');
    await twoPolls();
    expect(await bench.job(job.id)).toMatchObject({ state: 'RUNNING', exitCode: null });
    expect(await health.reaches('ONLINE')).toMatchObject({ statusMessage: null });
    await bench.cancel(job.id);
    expect((await bench.ended(job.id)).state).toBe('CANCELLED');
    await login.run(`scancel ${numbers.join(' ')}`);
  });
});

it('a job whose name holds a row about another job does not change how sacct says that one ended', async () => {
  const other = await bench.submit({ command: 'until [ -e "$HOME/go" ]; do sleep 0.2; done; exit 3' });
  const forger = await bench.submit({ command: 'until [ -e "$HOME/go" ]; do sleep 0.2; done' });
  for (const { id } of [other, forger]) await bench.reaches(id, 'RUNNING');
  const directory = await directoryOf(other);
  const times = ['1999999999', '1999999999', '1999999999'];
  const fields = [other.slurmJobId, 'COMPLETED', '0:0', ...times, 'n1', 'main', '', '10', 'x', directory];
  const forged = [...fields, `sbatch ${directory}/job.sh`].join('\x1f');
  await login.run(`scontrol update jobid=${forger.slurmJobId} name=${quoted(`\n${forged}\nx`)}`);
  const name = await until(
    () => login.run(`sacct -n -X -P -j ${forger.slurmJobId} --format=JobName`),
    (said) => said.includes('COMPLETED'),
  );
  expect(name.startsWith(`\n${other.slurmJobId}\x1f`)).toBe(true);
  await using _queue = await login.wrap('squeue', '"$real" "$@" >/dev/null');
  await login.run('touch go');
  expect(await bench.ended(other.id)).toMatchObject({ state: 'FAILED', exitCode: 3 });
  expect((await bench.ended(forger.id)).state).toBe('COMPLETED');
});
