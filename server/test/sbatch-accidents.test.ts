import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { Payload } from './support/payload.ts';
import { until } from './support/server.ts';
import { SMALL } from './support/slurm.ts';

const ACCIDENTS = {
  'is killed before it asked Slurm': 'once $name && kill -9 $$; exec "$real" "$@"',
  'is killed after it asked Slurm': '"$real" "$@" >/dev/null; kill -9 $$',
  'says nothing though it has submitted': '"$real" "$@" >/dev/null',
  'fails without a word though it has submitted': '"$real" "$@" >/dev/null; exit 1',
  'gets no answer though it has submitted':
    '"$real" "$@" >/dev/null; echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1',
  'dies with the shell that started it, after it has submitted': '"$real" "$@" >/dev/null; kill -9 $PPID $$',
  'dies with the shell that started it, before it has submitted': 'once $name && kill -9 $PPID $$; exec "$real" "$@"',
  'says more than a number': 'echo "Welcome to alpha"; echo 99; "$real" "$@"; echo "Thank you"; echo "be nice" >&2',
  'takes its time': 'sleep 3; exec "$real" "$@"',
  'gets no credential at first, as no munged runs': `once $name && {
  sed 's,^AuthInfo=.*,AuthInfo=socket=/nowhere,' "$SLURM_CONF" >"$HOME/no-munge.conf"
  SLURM_CONF=$HOME/no-munge.conf exec "$real" "$@"
}
exec "$real" "$@"`,
  'can not be started at first': 'once $name && exec /nowhere/sbatch "$@"; exec "$real" "$@"',
  'has submitted before it finds a disk away':
    '"$real" "$@" >/dev/null; echo "sbatch: error: Batch job submission failed: Stale file handle" >&2; exit 1',
};

// The wrapper stands in an empty directory, two below the job's.
const claimed = (task: string) => `until [ -L ../../run/${task}.claim ]; do sleep 0.1; done`;
const ORDERS = {
  'and tells the first one, which works': `a=$("$real" "$@"); ${claimed('job')}; "$real" "$@" >/dev/null; echo "$a"`,
  'and tells the second one, which finds the directory taken': `"$real" "$@" >/dev/null; ${claimed('job')}; "$real" "$@"`,
  'and tells the one that works, while the other is held': 'a=$("$real" "$@"); "$real" --hold "$@" >&2; echo "$a"',
  'and tells the one that is held, while the other works': '"$real" "$@" >/dev/null; exec "$real" --hold "$@"',
};

const payloadsOf = (prefix: string, scripts: Readonly<Record<string, string>>) =>
  Object.entries(scripts).map(([what, script], index) => ({
    what,
    script,
    payload: new Payload(`${prefix}-${index}`),
  }));
const accidents = payloadsOf('sbatch', ACCIDENTS);
const doubles = payloadsOf('double', ORDERS);
const array = new Payload('double-array', {
  input: {
    array: '0-1',
    command: 'echo "$SLURM_ARRAY_JOB_ID"_"$SLURM_ARRAY_TASK_ID" >>"$HOME/runs.double-array"; exit 3',
  },
});

let slurm: LocalSlurm;
let login: ClusterLogin;
let bench: Workbench;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [{ ...SMALL, name: 'alpha' }],
  });
  stack.defer(() => slurm.stop());
  login = await ClusterLogin.open(slurm.cluster('alpha'));
  const cases = [...accidents, ...doubles].map(
    ({ script, payload: { name } }) => `*"--job-name=${name} "*) name=${name}; ${script};;`,
  );
  cases.push(`*"--job-name=double-array "*) "$real" "$@" >/dev/null; ${claimed('1')}; exec "$real" "$@";;`);
  await login.wrap('sbatch', `case "$*" in\n${cases.join('\n')}\n*) exec "$real" "$@";;\nesac`);
  bench = stack.use(await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 })));
});
afterAll(() => stack.disposeAsync());

// All at once: those that were really lost take a minute to be sure of it.
describe.concurrent('a payload runs once', () => {
  it.each(accidents)('when sbatch $what', async ({ payload }) => {
    await bench.submit({ ...payload.input, waitSeconds: 0 });
    await payload.ranOnce(bench, login, slurm);
  });
});

describe.concurrent('where sbatch has submitted twice', () => {
  /** The states of all that Slurm holds under the payload's name, by number. */
  async function inSlurm(payload: Payload): Promise<ReadonlyMap<string, string>> {
    const rows = await slurm.run('alpha', 'squeue', ['--noheader', '--array', '--states=all', '--format=%i %T %j']);
    return new Map(
      rows.split('\n').flatMap((row) => {
        const [id = '', state = '', name] = row.trim().split(/\s+/);
        return name === payload.name ? [[id, state] as const] : [];
      }),
    );
  }

  async function nothingIsLeft(payload: Payload): Promise<void> {
    const left = await until(
      () => inSlurm(payload),
      (states) => [...states.values()].every((state) => state === 'FAILED' || state === 'CANCELLED'),
    );
    // Tasks that were cancelled before any of them ran share a row.
    const submissions = new Set([...left.keys()].map((number) => number.split('_')[0]));
    expect(submissions.size).toBe(2);
  }

  it.each(doubles)(
    '$what, the row is that of the one that works, and nothing is left of the other',
    async ({ payload }) => {
      const { id } = await bench.submit(payload.input);
      const states = await bench.statesUntilEnd(id);
      expect(states.map(({ state }) => state)).not.toContain('COMPLETED');
      const end = states.at(-1);
      expect(end).toMatchObject({ state: 'FAILED', exitCode: 3 });
      expect(await payload.runs(login)).toEqual([end?.slurmJobId]);
      await nothingIsLeft(payload);
    },
  );

  it('each task of an array is that of the one that works', async () => {
    const { id } = await bench.submit(array.input);
    expect(await bench.ended(id)).toMatchObject({ state: 'FAILED', exitCode: 3 });
    const { job } = await bench.server.query<{ job: { tasks: { nodes: { slurmJobId: string; exitCode: number }[] } } }>(
      'query ($id: ID!) { job(id: $id) { tasks(first: 5) { nodes { slurmJobId exitCode } } } }',
      { id },
    );
    expect(job.tasks.nodes.map(({ exitCode }) => exitCode)).toEqual([3, 3]);
    const numbers = job.tasks.nodes.map(({ slurmJobId }) => slurmJobId);
    expect((await array.runs(login)).toSorted()).toEqual(numbers.toSorted());
    await nothingIsLeft(array);
  });
});
