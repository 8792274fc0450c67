import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth } from './support/cluster-health.ts';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { TestServer, until } from './support/server.ts';
import { SMALL } from './support/slurm.ts';

/** What a login's Slurm, or a script around it, doesn't know of what is asked. */
const REFUSED = {
  queue: ['squeue', '--states=all'],
  accounts: ['sacct', '--duplicates'],
  nodes: ['scontrol', '--details'],
  submissions: ['sbatch', '--ignore-pbs'],
} as const;
const NAMES = Object.keys(REFUSED) as (keyof typeof REFUSED)[];

let slurm: LocalSlurm;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startLocalSlurm({ clusters: [{ ...SMALL, name: 'alpha', accounting: true }] });
  stack.defer(() => slurm.stop());
});
afterAll(() => stack.disposeAsync());

/** Has a command refuse an option, as one does that doesn't have it. */
function refusing(login: ClusterLogin, command: string, option: string): Promise<AsyncDisposable> {
  const refusal = `${command}: unrecognized option '${option}'`;
  return login.wrap(
    command,
    `for word; do [ "$word" != ${option} ] || { echo "${refusal}" >&2; exit 1; }; done
printf '%s\\n' "$*" >>"$HOME/${command}.asked"; exec "$real" "$@"`,
  );
}

describe('a question that Slurm refuses', () => {
  it.each(NAMES)('is told in its words as soon as the cluster is connected, and heals: %s', async (name) => {
    const [command, option] = REFUSED[name];
    const login = await ClusterLogin.open(slurm.cluster('alpha'));
    const wrapper = await refusing(login, command, option);
    await using server = await TestServer.start(slurm.clustersYaml({ poll_interval_seconds: 1 }));
    // No job is there that anything would have to be asked about.
    const health = new ClusterHealth(() => server, 'alpha');
    expect((await health.reaches('DEGRADED')).statusMessage).toContain(`${command}: unrecognized option '${option}'`);
    await wrapper[Symbol.asyncDispose]();
    expect((await health.reaches('ONLINE')).statusMessage).toBeNull();
  });
});

it('where squeue has no --array-unique, each task of a large array is shown as Slurm has it, and few rows are asked for', async () => {
  const login = await ClusterLogin.open(slurm.cluster('alpha'));
  await using _wrapper = await refusing(login, 'squeue', '--array-unique');
  await using bench = await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 }));
  const asked = async () => (await login.run('cat squeue.asked')).split('\n').map((line) => line.includes(' --array '));
  const array = await bench.submit({
    name: 'large',
    command: 'sleep 300',
    array: '0-1000',
    extraOptions: ['--begin=now+1hour'],
  });
  await until(asked, (calls) => calls.slice(-4).filter((isApart) => !isApart).length >= 2);
  /** How many tasks are in each state, and what of the first ten isn't merely waiting. */
  const shown = async () => {
    const query = `query ($id: ID!) { job(id: $id) {
      taskCounts { state count } tasks(first: 10) { nodes { slurmJobId state } } } }`;
    const { job } = await bench.server.query<{
      job: {
        taskCounts: { state: string; count: number }[];
        tasks: { nodes: { slurmJobId: string; state: string }[] };
      };
    }>(query, { id: array.id });
    return {
      counts: Object.fromEntries(job.taskCounts.map(({ state, count }) => [state, count])),
      others: job.tasks.nodes.flatMap(({ slurmJobId, state }) =>
        state === 'PENDING' ? [] : [`${slurmJobId} ${state}`],
      ),
    };
  };
  const becomes = (...others: readonly string[]) =>
    until(shown, (now) => now.others.join() === others.map((task) => `${array.slurmJobId}_${task}`).join());
  await login.run(`scontrol hold ${array.slurmJobId}_7`);
  expect((await becomes('7 HELD')).counts).toEqual({ HELD: 1, PENDING: 1000 });
  // One that is to begin at once begins, and none of the others does.
  await login.run(`scontrol release ${array.slurmJobId}_7; scontrol update JobId=${array.slurmJobId}_8 StartTime=now`);
  expect((await becomes('8 RUNNING')).counts).toEqual({ RUNNING: 1, PENDING: 1000 });
  await bench.cancel(array.id);
  expect(await bench.ended(array.id)).toMatchObject({ state: 'CANCELLED' });
});
