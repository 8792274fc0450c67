import { readFile } from 'node:fs/promises';
import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth } from './support/cluster-health.ts';
import { ClusterLogin } from './support/cluster-login.ts';
import { type JobData, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { SMALL } from './support/slurm.ts';

// A cluster, or a script around one of its commands, that answers with what no Slurm answers with.

const MEGABYTES = 8;
/** Prints so many of one letter, in lines where it is asked to. */
const much = (of = 'x') => `head -c ${MEGABYTES * 1_000_000} /dev/zero | tr '\\0' ${of}`;
const CUT = /… \([\d,]+ characters cut\)/;
/** Of any text that a cluster says. */
const LONGEST = 5000;

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
  bench = stack.use(await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1, gpu_cache_seconds: 1 })));
  health = new ClusterHealth(() => bench.server, 'alpha');
});
afterAll(() => stack.disposeAsync());

/** Has squeue print something else as one of the fields of every row, counted from 1. */
function rewriting(field: number, text: string): Promise<AsyncDisposable> {
  // What ends the row before goes on behind the sign by which perl splits.
  const fields = `(?:\\w{16}\\n)?(?:[^\\x1f]*\\x1f){${field - 1}}`;
  return login.wrap(
    'squeue',
    `"$real" "$@" | perl -0036 -pe 's!^(${fields})[^\\x1d\\x1f]*(?=[\\x1d\\x1f])!$1 . (${text})!e'`,
  );
}

/** What is asked for of jobs that are in sight. */
const LIST = `{ jobs(first: 50) { nodes { id state reason attempt exitCode signal elapsedSeconds waitedSeconds startedAt
  endedAt estimatedStartAt nodeList submitMessage allocated { cpus memoryMb timeLimitMinutes nodes gpus { count } } } } }`;

describe('a text of megabytes', () => {
  const submit = (name: string) =>
    bench.server.query<{ submitJob: { job: JobData | null; userErrors: { message: string }[] } }>(
      `mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id reason } userErrors { message } } }`,
      { input: { projectId: bench.projectId, cluster: 'alpha', name, command: 'true', waitSeconds: 60 } },
    );
  const submitMessage = async (id: string) =>
    (
      await bench.server.query<{ job: { submitMessage: string | null } }>(
        'query ($id: ID!) { job(id: $id) { submitMessage } }',
        { id },
      )
    ).job.submitMessage;

  it("is cut where it enters, and says so: sbatch's refusal, in the job and to who submitted it", async () => {
    await using _wrapper = await login.wrap(
      'sbatch',
      `case "$*" in *--version*) exec "$real" "$@" ;; esac
{ ${much()}; printf '\\nsbatch: error: Batch job submission failed: Requested node configuration is not available\\n'; } >&2; exit 1`,
    );
    const { submitJob } = await submit('refused');
    const [error] = submitJob.userErrors;
    expect(error?.message).toMatch(CUT);
    expect(error?.message.length).toBeLessThan(LONGEST);
    const { jobs } = await bench.server.query<{ jobs: { nodes: JobData[] } }>(LIST);
    const refused = jobs.nodes.find(({ state }) => state === 'SUBMIT_FAILED');
    expect(refused?.reason).toMatch(CUT);
    expect(refused?.reason?.length).toBeLessThan(LONGEST);
  });

  it('is cut where it enters: what sbatch says beside a number, on both streams', async () => {
    await using _wrapper = await login.wrap(
      'sbatch',
      `case "$*" in *--version*) exec "$real" "$@" ;; esac
${much('y')}; echo; ${much('z')} >&2; exec "$real" "$@"`,
    );
    const { submitJob } = await submit('greeted');
    expect(submitJob.userErrors).toEqual([]);
    const message = await submitMessage(submitJob.job?.id ?? '');
    expect(message).toMatch(CUT);
    expect(message?.length).toBeLessThan(LONGEST);
  });

  it("is cut where it enters, and is no megabyte of log: squeue's error", async () => {
    const job = await bench.submit({ command: 'sleep 600' });
    await bench.reaches(job.id, 'RUNNING');
    const before = bench.server.errors.length;
    {
      await using _wrapper = await login.wrap('squeue', `{ echo "squeue: error: no"; ${much()}; } >&2; exit 1`);
      const { statusMessage } = await health.reaches('DEGRADED');
      expect(statusMessage).toMatch(CUT);
      expect(statusMessage?.length).toBeLessThan(LONGEST);
    }
    await health.reaches('ONLINE');
    expect(bench.server.errors.length - before).toBeLessThan(500_000);
    expect((await bench.job(job.id)).state).toBe('RUNNING');
    await bench.cancel(job.id);
  });

  it("is cut where it enters: scontrol's refusal of what is asked of a job", async () => {
    const job = await bench.submit({ command: 'true', extraOptions: ['--begin=now+1hour'] });
    await using _wrapper = await login.wrap(
      'scontrol',
      `case "$1" in hold) ;; *) exec "$real" "$@" ;; esac
${much()} >&2; exit 1`,
    );
    const { holdJob } = await bench.server.query<{ holdJob: { userErrors: { message: string }[] } }>(
      'mutation ($id: ID!) { holdJob(input: { id: $id }) { userErrors { message } } }',
      { id: job.id },
    );
    const [error] = holdJob.userErrors;
    expect(error?.message).toMatch(CUT);
    expect(error?.message.length).toBeLessThan(LONGEST);
    await bench.cancel(job.id);
  });

  it('is cut where it enters: the reason and the nodes of a job', async () => {
    const job = await bench.submit({ command: 'sleep 600', extraOptions: ['--begin=now+1hour'] });
    {
      await using _wrapper = await rewriting(9, '"r" x 200_000');
      const { reason } = await until(
        () => bench.job(job.id),
        ({ reason }) => reason?.startsWith('rrr') === true,
      );
      expect(reason).toMatch(CUT);
      expect(reason?.length).toBeLessThan(LONGEST);
    }
    await bench.cancel(job.id);
  });

  it('is cut where it enters: the reason of a node', async () => {
    await using _wrapper = await login.wrap(
      'scontrol',
      `"$real" "$@" | sed "s/^NodeName=.*/& Reason=$(head -c 120000 /dev/zero | tr '\\0' '[') [root@now]/"`,
    );
    const query = '{ cluster(name: "alpha") { nodes(maxAgeSeconds: 0) { name reason } } }';
    const { cluster } = await until(
      () => bench.server.query<{ cluster: { nodes: { name: string; reason: string | null }[] } }>(query),
      ({ cluster }) => cluster.nodes.some(({ reason }) => reason !== null),
    );
    expect(cluster.nodes[0]?.reason).toMatch(CUT);
    expect(cluster.nodes[0]?.reason?.length).toBeLessThan(LONGEST);
  });
});

describe('a value that no job has', () => {
  it.each([
    ['a restart count', 6, '3_000_000_000'],
    ['a start in the far future', 4, '"9000000000000000"'],
    ['an end of memory', 10, '"cpu=1,mem=9999999999999P,node=1"'],
    ['a number of CPUs', 10, '"cpu=3000000000,mem=1G,node=1"'],
    ['a time limit', 11, '"99999999999-00:00:00"'],
    ['a number of tasks', 1, '"1_[0-999999]"'],
    ['its own number', 1, '"99999999999999999999"'],
  ])('leaves a job as it was and no list fails, and the status tells of it: %s', async (_what, field, text) => {
    const job = await bench.submit({ command: 'sleep 600' });
    await bench.reaches(job.id, 'RUNNING');
    await health.reaches('ONLINE');
    const before = await bench.job(job.id);
    {
      await using _wrapper = await rewriting(field, text);
      const { statusMessage } = await health.reaches('DEGRADED');
      expect(statusMessage).toContain("rows that can't be read");
      const { errors } = await bench.server.send(LIST);
      expect(errors).toBeUndefined();
      expect(await bench.job(job.id)).toMatchObject({ state: before.state, startedAt: before.startedAt });
    }
    await health.reaches('ONLINE');
    await bench.cancel(job.id);
  });

  it('leaves a job as it was that has left the queue, and is told: in sacct', async () => {
    const job = await bench.submit({ command: 'sleep 600' });
    await bench.reaches(job.id, 'RUNNING');
    {
      await using _accounts = await login.wrap(
        'sacct',
        `"$real" "$@" | perl -pe 's/^((?:[^\\x1f]*\\x1f){4}\\w{16})[^\\x1f]*/$1 . "9000000000000000"/e'`,
      );
      await using _queue = await login.wrap('squeue', `"$real" "$@" >/dev/null`);
      // Not before: the queue would still show how it ended.
      await login.run(`scancel ${job.slurmJobId}`);
      const { statusMessage } = await health.until(
        ({ statusMessage }) => statusMessage?.includes('accounting') === true,
      );
      expect(statusMessage).toMatch(new RegExp(`rows that can't be read, of .*\\b${job.slurmJobId}\\b`));
      expect((await bench.job(job.id)).state).not.toBe('LOST');
    }
    expect((await bench.ended(job.id)).state).toBe('CANCELLED');
  });
});

it('more of a node than any node has is refused, and the status says so until it can be read', async () => {
  const query = '{ cluster(name: "alpha") { nodes(maxAgeSeconds: 0) { name gpus { total } } } }';
  const ask = () => bench.server.send<{ cluster: { nodes: object[] | null } }>(query);
  // The cluster is asked every two seconds at most.
  const askUntil = (wanted: string) =>
    until(
      () => ask().then(() => health.now()),
      ({ status }) => status === wanted,
    );
  {
    await using _wrapper = await login.wrap(
      'scontrol',
      `"$real" "$@" | perl -pe 's/ Gres=\\S*/" Gres=" . join(",", map {"gpu:t$_:1"} 1..65)/e'`,
    );
    const { statusMessage } = await askUntil('DEGRADED');
    expect(statusMessage).toContain("Partitions and nodes can't be read: a node has 65 types of GPUs");
  }
  await askUntil('ONLINE');
  expect((await ask()).data?.cluster.nodes).toEqual([{ name: 'n1', gpus: [] }]);
});

describe('an answer that grows', () => {
  /** Of the server's process, in MiB. */
  async function mostMemory(): Promise<number> {
    const status = await readFile(`/proc/${bench.server.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1024;
  }

  it.each([
    ['devices', `s/ Gres=\\S*/" Gres=gpu:4 GresUsed=gpu:4(IDX:" . ("0-4095," x 60_000) . "0)"/e`],
    ['commas', `s/ Partitions=\\S*/" Partitions=" . ("," x 60_000)/e`],
    ['nodes in a list', `s/ Partitions=\\S*/" Partitions=" . ("n[0-99999]," x 6_000)/e`],
    ['marks of a state', `s/ State=\\S*/" State=" . ("*~" x 30_000) . "x"/e`],
    ['parentheses', `s/ Gres=\\S*/" Gres=" . ("gpu:1(" x 20_000)/e`],
  ])('takes neither the memory nor the time of others: %s', async (_what, perl) => {
    const before = await mostMemory();
    await using _wrapper = await login.wrap('scontrol', `"$real" "$@" | perl -pe '${perl}'`);
    const query = '{ cluster(name: "alpha") { nodes(maxAgeSeconds: 0) { name } } }';
    const others = Array.from({ length: 20 }, () => bench.server.query('{ __typename }'));
    await Promise.all([...others, bench.server.send(query)]);
    expect((await mostMemory()) - before).toBeLessThan(300);
  });
});
