import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { Payload } from './support/payload.ts';
import { until } from './support/server.ts';

let slurm: LocalSlurm;
let login: ClusterLogin;
const stack = new AsyncDisposableStack();

/**
 * The first sbatch of a job whose name begins with `hung` waits for a named pipe of its own: before it asks Slurm, or
 * after, where the name says so. Each one is counted.
 */
const SBATCH = `name=$(printf '%s\\n' "$@" | sed -n 's/^--job-name=//p')
pipe=$HOME/pipe.$name
echo call >>"$HOME/calls.$name"
case $name in
  hung-after*) once $name && { "$real" "$@" >/dev/null; read -r line <"$pipe"; } ;;
  hung*) once $name && read -r line <"$pipe" ;;
esac
exec "$real" "$@"`;

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [
      {
        name: 'alpha',
        nodes: [
          { name: 'n1', cpus: 64, memoryMb: 512_000 },
          { name: 'n2', cpus: 64, memoryMb: 512_000 },
        ],
        partitions: [{ name: 'main', nodes: ['n1', 'n2'] }],
        accounting: false,
      },
    ],
  });
  stack.defer(() => slurm.stop());
  login = await ClusterLogin.open(slurm.cluster('alpha'));
  await login.wrap('sbatch', SBATCH);
});
afterAll(() => stack.disposeAsync());

const calls = async (name: string) => (await login.run(`cat 'calls.${name}' 2>/dev/null || :`)).split('\n').length - 1;
const openBench = () => Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 }));
/** The command lines of all that submits the job of this directory. */
const running = async (workDir: string | null) =>
  (await login.run(`for one in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <"$one" 2>/dev/null && echo; done || :`))
    .split('\n')
    .filter((line) => line.includes(`${workDir}/job.sh`));

/** A job whose sbatch hangs. */
async function hung(bench: Workbench, name: string) {
  await login.run(`mkfifo 'pipe.${name}'`);
  const payload = new Payload(name);
  const { id } = await bench.submit({ ...payload.input, waitSeconds: 0 });
  await until(
    () => calls(name),
    (count) => count === 1,
  );
  const { workDir } = await until(
    () => bench.job(id),
    ({ workDir: directory }) => directory !== null,
  );
  return { payload, id, workDir };
}

/** Others are submitted, each at the first attempt of the server. */
async function expectOthersTaken(bench: Workbench, name: string): Promise<void> {
  for (const index of [1, 2]) {
    const { slurmJobId } = await bench.submit({ name: `${name}-${index}`, command: 'true' });
    expect(slurmJobId).not.toBeNull();
    expect(await calls(`${name}-${index}`)).toBe(1);
  }
}

/** Cancelled, nothing of the job is left, and it never ran. */
async function expectEnded(bench: Workbench, { payload, id, workDir }: Awaited<ReturnType<typeof hung>>) {
  expect(await running(workDir)).not.toEqual([]);
  await bench.cancel(id);
  expect(await bench.ended(id)).toMatchObject({ state: 'CANCELLED', slurmJobId: null, workDir: null });
  expect(await running(workDir)).toEqual([]);
  expect(await calls(payload.name)).toBe(1);
  expect(await payload.runs(login)).toEqual([]);
}

describe.concurrent('an sbatch that hangs', () => {
  it('holds up no other job, and is ended with its job', async () => {
    await using bench = await openBench();
    const job = await hung(bench, 'hung');
    await expectOthersTaken(bench, 'beside');
    expect(await bench.job(job.id)).toMatchObject({ state: 'SUBMITTING', slurmJobId: null });
    await expectEnded(bench, job);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'holds up no other job after a restart (%s), and is ended with its job',
    async (signal) => {
      await using bench = await openBench();
      const name = `hung-${signal.toLowerCase()}`;
      const job = await hung(bench, name);
      await bench.restart(signal);
      await bench.online();
      await expectOthersTaken(bench, `beside-${name}`);
      await expectEnded(bench, job);
    },
  );

  it('after Slurm took the job leaves the job that Slurm has', async () => {
    await using bench = await openBench();
    const { payload } = await hung(bench, 'hung-after');
    await payload.ranOnce(bench, login, slurm);
    expect(await calls('hung-after')).toBe(1);
  });

  it('and goes on again submits its job once', async () => {
    await using bench = await openBench();
    const { payload } = await hung(bench, 'hung-goes-on');
    await expectOthersTaken(bench, 'beside-goes-on');
    await login.run('echo go >pipe.hung-goes-on');
    await payload.ranOnce(bench, login, slurm);
    expect(await calls('hung-goes-on')).toBe(1);
  });
});

it('nearly as many options as a job may have, in many components, come to Slurm', async () => {
  await using bench = await openBench();
  const extraOptions = [`--exclude=${'n2,'.repeat(1000)}`];
  const components = Array.from({ length: 19 }, () => ({ extraOptions }));
  const { id, slurmJobId } = await bench.submit({ name: 'long', command: 'true', extraOptions, components });
  expect(slurmJobId).not.toBeNull();
  expect(await calls('long')).toBe(1);
  await bench.cancel(id);
});
