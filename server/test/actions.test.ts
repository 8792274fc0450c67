import { DEFAULT_CLUSTERS, type LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobData, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';
import { startSlurm } from './support/slurm.ts';

interface Payload {
  readonly job: { readonly id: string; readonly state: string; readonly slurmJobId: string | null } | null;
  readonly userErrors: readonly { readonly code: string; readonly message: string; readonly path: readonly string[] }[];
}

let slurm: LocalSlurm;
let bench: Workbench;

beforeAll(async () => {
  slurm = await startSlurm({ clusters: DEFAULT_CLUSTERS });
  bench = await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1 }));
});

afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
  await slurm?.stop();
});

const PAYLOAD = 'job { id state slurmJobId } userErrors { code message path }';

async function act(name: string, input: Readonly<Record<string, unknown>>): Promise<Payload> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const data = await bench.server.query<Record<string, Payload>>(
    `mutation ($input: ${type}!) { ${name}(input: $input) { ${PAYLOAD} } }`,
    { input },
  );
  const payload = data[name];
  if (payload === undefined) throw new Error('no payload');
  return payload;
}

async function actOnMany(name: string, ids: readonly string[]): Promise<readonly Payload[]> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const data = await bench.server.query<Record<string, { readonly results: readonly Payload[] }>>(
    `mutation ($input: ${type}!) { ${name}(input: $input) { results { ${PAYLOAD} } } }`,
    { input: { ids } },
  );
  return data[name]?.results ?? [];
}

async function refusal(name: string, input: Readonly<Record<string, unknown>>) {
  const { job, userErrors } = await act(name, input);
  expect(job).toBeNull();
  expect(userErrors).toHaveLength(1);
  return userErrors[0];
}

async function tasks(id: string): Promise<readonly JobData[]> {
  const { job } = await bench.server.query<{ job: { tasks: { nodes: JobData[] } } }>(
    'query ($id: ID!) { job(id: $id) { tasks(first: 100) { nodes { id state slurmJobId reason } } } }',
    { id },
  );
  return job.tasks.nodes;
}

const states = async (id: string) => (await tasks(id)).map(({ state }) => state);
const attempt = async (id: string) =>
  (await bench.server.query<{ job: { attempt: number } }>('query ($id: ID!) { job(id: $id) { attempt } }', { id })).job
    .attempt;
/** The history of a job: what changed or was asked for, and by whom. */
async function told(id: string): Promise<readonly string[]> {
  const { job } = await bench.server.query<{
    job: {
      events: { nodes: { kind: string; state: string; request: string | null; actor: { name: string } | null }[] };
    };
  }>('query ($id: ID!) { job(id: $id) { events(first: 100) { nodes { kind state request actor { name } } } } }', {
    id,
  });
  return job.events.nodes.map(
    ({ kind, state, request, actor }) =>
      `${kind} ${state}${request === null ? '' : `, ${request}`} by ${actor?.name ?? 'nobody'}`,
  );
}

/** A job that waits until somebody does something about it. */
const waiting = (input = {}) => bench.submit({ command: 'echo ran', extraOptions: ['--begin=now+1hour'], ...input });

describe('holdJob and releaseJob', () => {
  it('keep a job that waits from being started, and let it run', async () => {
    const job = await bench.submit({ command: 'echo ran', extraOptions: ['--begin=now+4'] });
    expect(await act('holdJob', { id: job.id })).toMatchObject({ job: { id: job.id }, userErrors: [] });
    expect(await bench.reaches(job.id, 'HELD')).toMatchObject({ reason: 'JobHeldUser' });
    expect(await refusal('holdJob', { id: job.id })).toMatchObject({
      code: 'WRONG_STATE',
      path: ['input', 'id'],
      message: expect.stringContaining('releaseJob'),
    });
    expect((await act('releaseJob', { id: job.id })).userErrors).toEqual([]);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'COMPLETED' });
    expect(await bench.wholeLog(job.id)).toBe('ran\n');
  });

  it('refuse a job that runs, one that is not held, one that is over, and one that is not there', async () => {
    const job = await bench.submit({ command: 'sleep 60' });
    // What Slurm says now counts, not what was seen last.
    await until(
      () => slurm.run('alpha', 'squeue', ['-h', '-j', job.slurmJobId ?? '', '-o', '%T']),
      (text) => text.trim() === 'RUNNING',
    );
    expect(await refusal('holdJob', { id: job.id })).toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringContaining('RUNNING'),
    });
    expect(await refusal('releaseJob', { id: job.id })).toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringContaining('not held'),
    });
    await bench.cancel(job.id);
    await bench.ended(job.id);
    for (const name of ['holdJob', 'releaseJob']) {
      expect(await refusal(name, { id: job.id })).toMatchObject({
        code: 'WRONG_STATE',
        message: expect.stringContaining('CANCELLED'),
      });
    }
    expect(await refusal('holdJob', { id: 'Sm9iOng=' })).toMatchObject({ code: 'NOT_FOUND' });
  });

  it("tell Slurm's own words when an administrator holds the job", async () => {
    const job = await waiting();
    await slurm.run('alpha', 'scontrol', ['update', `JobId=${job.slurmJobId}`, 'Priority=0']);
    expect(await bench.reaches(job.id, 'HELD')).toMatchObject({ reason: 'JobHeldAdmin' });
    expect(await refusal('releaseJob', { id: job.id })).toMatchObject({
      code: 'SLURM_REJECTED',
      message: expect.stringContaining('Access/permission denied'),
    });
    await bench.cancel(job.id);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'CANCELLED' });
  });

  it('act on one task of an array, and on all that wait', async () => {
    const array = await waiting({ array: '0-4' });
    const [, second] = await tasks(array.id);
    await act('holdJob', { id: second?.id });
    await until(
      () => states(array.id),
      (now) => now.join() === 'PENDING,HELD,PENDING,PENDING,PENDING',
    );
    expect((await act('holdJob', { id: array.id })).userErrors).toEqual([]);
    await bench.reaches(array.id, 'HELD');
    await act('releaseJob', { id: array.id });
    await until(
      () => states(array.id),
      (now) => now.every((state) => state === 'PENDING'),
    );
    await bench.cancel(array.id);
    await bench.ended(array.id);
  });
});

describe('requeueJob', () => {
  it('is told with who asked for it, as are a hold and a release, apart from what Slurm did', async () => {
    const { id } = await bench.submit({
      command: '[ -n "$SLURM_RESTART_COUNT" ] || sleep 60',
      extraOptions: ['--hold'],
    });
    await bench.reaches(id, 'HELD');
    await act('releaseJob', { id });
    await bench.reaches(id, 'RUNNING');
    await act('requeueJob', { id });
    await bench.reaches(id, 'PENDING');
    await act('holdJob', { id });
    await bench.reaches(id, 'HELD');
    const history = await told(id);
    expect(history.filter((event) => /RELEASE|REQUEUE|HOLD/.test(event))).toEqual([
      'UPDATED HELD, RELEASE by Administrator',
      'UPDATED RUNNING, REQUEUE by Administrator',
      'UPDATED PENDING, HOLD by Administrator',
    ]);
    const states = history.filter((event) => event.startsWith('STATE_CHANGED'));
    expect(states.every((event) => event.endsWith(' by nobody'))).toBe(true);
    expect(states.at(-1)).toBe('STATE_CHANGED HELD by nobody');
    await bench.cancel(id);
    await bench.ended(id);
  });

  it('has a running job run again as its next attempt, behind the log of the first', async () => {
    const job = await bench.submit({
      command: 'echo "attempt $SLURM_RESTART_COUNT"; [ -n "$SLURM_RESTART_COUNT" ] || sleep 60',
    });
    await bench.reaches(job.id, 'RUNNING');
    await until(
      () =>
        bench.server.query<{ job: { log: { text: string } | null } }>(
          'query ($id: ID!) { job(id: $id) { log { text } } }',
          { id: job.id },
        ),
      (data) => data.job.log?.text === 'attempt \n',
    );
    expect((await act('requeueJob', { id: job.id })).userErrors).toEqual([]);
    await bench.reaches(job.id, 'PENDING');
    expect(await refusal('requeueJob', { id: job.id })).toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringContaining('already in the queue'),
    });
    expect(await bench.ended(job.id)).toMatchObject({ state: 'COMPLETED', slurmJobId: job.slurmJobId });
    expect(await attempt(job.id)).toBe(2);
    expect(await bench.wholeLog(job.id)).toMatch(/^attempt \n(?:.*\n)*attempt 1\n$/);
  });

  it('opens a job again that is over, though its end had been asked for', async () => {
    const job = await bench.submit({ command: '[ -n "$SLURM_RESTART_COUNT" ] || sleep 60; echo "second"' });
    await bench.reaches(job.id, 'RUNNING');
    await bench.cancel(job.id);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'CANCELLED' });
    expect(await act('requeueJob', { id: job.id })).toMatchObject({ job: { state: 'PENDING' }, userErrors: [] });
    expect(await bench.job(job.id)).toMatchObject({ endedAt: null, exitCode: null });
    expect(await bench.ended(job.id)).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
    expect(await attempt(job.id)).toBe(2);
  });

  it('opens the tasks of an array that are over, and those alone', async () => {
    const array = await bench.submit({
      command: '[ "$SLURM_ARRAY_TASK_ID" = 0 ] || [ -n "$SLURM_RESTART_COUNT" ]',
      array: '0-1',
    });
    expect(await bench.ended(array.id)).toMatchObject({ state: 'FAILED' });
    const failed = (await tasks(array.id)).find(({ state }) => state === 'FAILED');
    expect((await act('requeueJob', { id: failed?.id })).userErrors).toEqual([]);
    expect((await bench.job(array.id)).state).toBe('PENDING');
    expect(await bench.ended(array.id)).toMatchObject({ state: 'COMPLETED' });
  });

  it("tells Slurm's own words for a job that must not be requeued", async () => {
    const job = await bench.submit({ command: 'sleep 60', extraOptions: ['--no-requeue'] });
    await bench.reaches(job.id, 'RUNNING');
    const refused = await refusal('requeueJob', { id: job.id });
    expect(refused).toMatchObject({ code: 'SLURM_REJECTED', path: ['input', 'id'] });
    expect(refused?.message).toContain('Requested operation is presently disabled');
    expect(refused?.message).toContain('resubmitJob');
    await bench.cancel(job.id);
    expect(await refusal('requeueJob', { id: job.id })).toMatchObject({ code: 'WRONG_STATE' });
    await bench.ended(job.id);
  });
});

describe('cancelJobs', () => {
  it('is told with who asked for it, apart from what Slurm did', async () => {
    const { id } = await bench.submit({ cluster: 'alpha', command: 'sleep 300' });
    await bench.reaches(id, 'RUNNING');
    await bench.cancel(id);
    await bench.ended(id);
    const history = await told(id);
    expect(history[0]).toBe('CREATED SUBMITTING by Administrator');
    expect(history).toContain('STATE_CHANGED RUNNING by nobody');
    expect(history).toContain('STATE_CHANGED CANCELLING, CANCEL by Administrator');
    expect(history.at(-1)).toBe('STATE_CHANGED CANCELLED by nobody');
  });

  it('ends many jobs with one scancel a cluster, and one bad id fails no other', async () => {
    const wrapper =
      'mkdir -p ~/bin && printf "%s\\n" "#!/bin/sh" \'echo "$*" >>~/scancel.calls\' \'exec /usr/bin/scancel "$@"\' >~/bin/scancel && chmod +x ~/bin/scancel && echo "PATH=~/bin:$PATH" >~/.bashrc';
    const done = await bench.submit({ command: wrapper });
    expect(await bench.ended(done.id)).toMatchObject({ state: 'COMPLETED' });
    const [first, second, array, elsewhere] = [
      await waiting(),
      await waiting(),
      await waiting({ array: '0-3' }),
      await bench.submit({ command: 'sleep 60', cluster: 'beta' }),
    ];
    const [task] = await tasks(array.id);
    const ids = [first.id, 'nonsense', done.id, second.id, task?.id ?? '', first.id, elsewhere.id];
    const results = await actOnMany('cancelJobs', ids);
    expect(results.map(({ job, userErrors }) => job?.state ?? userErrors[0]?.code)).toEqual([
      'CANCELLING',
      'NOT_FOUND',
      'NOT_CANCELLABLE',
      'CANCELLING',
      'CANCELLING',
      'CANCELLING',
      'CANCELLING',
    ]);
    expect(results[2]?.userErrors[0]?.path).toEqual(['input', 'ids', '2']);
    for (const { id } of [first, second, elsewhere]) expect((await bench.ended(id)).state).toBe('CANCELLED');
    await until(
      () => states(array.id),
      (now) => now.join() === 'CANCELLED,PENDING,PENDING,PENDING',
    );
    await bench.cancel(array.id);
    await bench.ended(array.id);
    const calls = await bench.submit({ command: 'cat ~/scancel.calls; rm ~/.bashrc' });
    const task0 = `${array.slurmJobId}_0`;
    expect((await bench.wholeLog(calls.id)).trim().split('\n').toSorted()).toEqual(
      [
        `${first.slurmJobId} ${second.slurmJobId} ${task0}`,
        `${elsewhere.slurmJobId}`,
        `${array.slurmJobId}`,
      ].toSorted(),
    );
  });

  it('takes a thousand ids and no more', async () => {
    const [only, ...others] = await actOnMany(
      'cancelJobs',
      Array.from({ length: 1001 }, () => 'x'),
    );
    expect(others).toEqual([]);
    expect(only).toMatchObject({ job: null, userErrors: [{ code: 'INVALID_INPUT', path: ['input', 'ids'] }] });
    expect(
      await actOnMany(
        'cancelJobs',
        Array.from({ length: 1000 }, () => 'x'),
      ),
    ).toHaveLength(1000);
    expect(await actOnMany('cancelJobs', [])).toEqual([]);
  });
});

describe('holdJobs and releaseJobs', () => {
  it('act on many jobs of any clusters, with an outcome for each, and one bad id fails no other', async () => {
    const [first, second, array, elsewhere, running] = await Promise.all([
      waiting(),
      waiting(),
      waiting({ array: '0-2' }),
      waiting({ cluster: 'beta' }),
      bench.submit({ command: 'sleep 300' }),
    ]);
    await bench.reaches(running.id, 'RUNNING');
    // Held by the administrator: the user may not release it.
    await slurm.run('alpha', 'scontrol', ['update', `JobId=${second.slurmJobId}`, 'Priority=0']);
    await bench.reaches(second.id, 'HELD');
    const ids = [first.id, 'nonsense', running.id, array.id, elsewhere.id, first.id];
    const outcome = ({ job, userErrors }: Payload) => (job === null ? userErrors[0]?.code : 'done');
    const held = await actOnMany('holdJobs', ids);
    expect(held.map(outcome)).toEqual(['done', 'NOT_FOUND', 'WRONG_STATE', 'done', 'done', 'done']);
    expect(held[2]?.userErrors).toMatchObject([
      { path: ['input', 'ids', '2'], message: expect.stringContaining('it is RUNNING') },
    ]);
    await Promise.all([first, array, elsewhere].map(({ id }) => bench.reaches(id, 'HELD')));
    expect((await bench.job(running.id)).state).toBe('RUNNING');

    const released = await actOnMany('releaseJobs', [array.id, second.id, elsewhere.id, running.id, first.id]);
    expect(released.map(outcome)).toEqual(['done', 'SLURM_REJECTED', 'done', 'WRONG_STATE', 'done']);
    expect(released[1]?.userErrors[0]?.message).toContain('Access/permission denied');
    await Promise.all([first, array, elsewhere].map(({ id }) => bench.reaches(id, 'PENDING')));
    expect((await bench.job(second.id)).state).toBe('HELD');

    const all = [first, second, array, elsewhere, running].map(({ id }) => id);
    await actOnMany('cancelJobs', all);
    for (const id of all) await bench.ended(id);
  });
});

describe('while a cluster can not be reached', () => {
  it('a cancel is recorded and done later, and holding is refused; a job on its way is not run at all', async () => {
    const job = await bench.submit({ command: 'sleep 300', cluster: 'beta' });
    await bench.reaches(job.id, 'RUNNING');
    await slurm.stopDaemon('beta/sshd');
    try {
      expect(await refusal('requeueJob', { id: job.id })).toMatchObject({ code: 'CLUSTER_UNAVAILABLE' });
      const [result] = await actOnMany('cancelJobs', [job.id]);
      expect(result).toMatchObject({ job: { state: 'CANCELLING' }, userErrors: [] });
    } finally {
      await slurm.startDaemon('beta/sshd');
      await bench.server.query('mutation { connectCluster(input: { name: "beta" }) { userErrors { message } } }');
    }
    expect(await bench.ended(job.id)).toMatchObject({ state: 'CANCELLED' });
  });

  it('a job whose files are sent is cancelled before it is handed to sbatch', async () => {
    await bench.online();
    await slurm.signalDaemon('beta/slurmctld', 'SIGSTOP');
    let first: JobData;
    let second: JobData;
    try {
      first = await bench.submit({ command: 'touch ~/first-ran', cluster: 'beta', waitSeconds: 0 });
      await until(
        () => bench.job(first.id),
        ({ workDir }) => workDir !== null,
      );
      second = await bench.submit({ command: 'touch ~/second-ran', cluster: 'beta', waitSeconds: 0 });
      await until(
        () => bench.job(second.id),
        ({ workDir }) => workDir !== null,
      );
      expect(await refusal('holdJob', { id: second.id })).toMatchObject({
        code: 'WRONG_STATE',
        message: expect.stringContaining('SUBMITTING'),
      });
      for (const { id } of [second, first]) {
        expect((await act('cancelJob', { id })).job).toMatchObject({ state: 'CANCELLING' });
      }
    } finally {
      await slurm.signalDaemon('beta/slurmctld', 'SIGCONT');
    }
    for (const { id } of [first, second]) expect(await bench.ended(id)).toMatchObject({ state: 'CANCELLED' });
    expect(await bench.job(second.id)).toMatchObject({ slurmJobId: null, reason: 'Cancelled before Slurm had it' });
    const look = await bench.submit({ command: 'ls ~/second-ran 2>&1; true', cluster: 'beta' });
    expect(await bench.wholeLog(look.id)).toContain('No such file');
  });
});

describe('resubmitJob', () => {
  it("runs an old job's exact inputs again, though branch and project have moved on", async () => {
    const commit = await bench.repository.git('rev-parse', 'HEAD');
    const old = await bench.submit({
      name: 'first try',
      description: 'what it is to show',
      command: 'sh hello.sh "$WHO"; scontrol show job "$SLURM_JOB_ID" | grep -o "Comment=[a-z]*"',
      environment: [{ name: 'WHO', value: 'se cret' }],
      extraOptions: ['--comment=again'],
      cpusPerTask: 2,
      timeLimitMinutes: 5,
    });
    await bench.ended(old.id);
    await bench.repository.write({ 'hello.sh': 'echo moved on\n' });
    await bench.repository.commit('Moved on');
    await bench.server.query(
      'mutation ($id: ID!) { updateProject(input: { id: $id, prologue: "echo a new prologue" }) { project { id } } }',
      { id: bench.projectId },
    );

    const send = () => act('resubmitJob', { id: old.id, idempotencyKey: 'again' });
    const { job, userErrors } = await send();
    expect(userErrors).toEqual([]);
    expect((await send()).job?.id).toBe(job?.id);
    const id = job?.id ?? '';
    expect(await bench.wholeLog(id)).toBe('hello from se cret\nComment=again\n');
    const query = `query ($id: ID!) { job(id: $id) {
      name description command gitCommit state partition basedOn { id }
      resources { cpusPerTask timeLimitMinutes gpus }
      submission { environmentNames extraOptions condaEnv gitRef partition dependsOn { kind } }
    } }`;
    expect(await bench.server.query(query, { id })).toMatchObject({
      job: {
        name: 'first try',
        description: 'what it is to show',
        gitCommit: commit,
        basedOn: { id: old.id },
        resources: { cpusPerTask: 2, timeLimitMinutes: 5, gpus: null },
        submission: {
          environmentNames: ['WHO'],
          extraOptions: ['--comment=again'],
          condaEnv: null,
          gitRef: null,
          partition: null,
          dependsOn: [],
        },
      },
    });
    expect(JSON.stringify(await bench.server.query(query, { id }))).not.toContain('se cret');
    await bench.server.query(
      'mutation ($id: ID!) { updateProject(input: { id: $id, prologue: "" }) { project { id } } }',
      { id: bench.projectId },
    );
  });

  it('makes one task of an array a job of its own', async () => {
    const array = await bench.submit({ command: 'echo "task $SLURM_ARRAY_TASK_ID"', array: '3-5' });
    await bench.ended(array.id);
    const { job } = await act('resubmitJob', { id: (await tasks(array.id))[1]?.id });
    await bench.ended(job?.id ?? '');
    const again = await tasks(job?.id ?? '');
    expect(again).toHaveLength(1);
    expect(await bench.wholeLog(again[0]?.id ?? '')).toBe('task 4\n');
  });

  it('refuses what can not be had again, and says what to do', async () => {
    await bench.repository.write({ 'new.txt': 'uncommitted\n' });
    const dirty = await bench.submit({ command: 'true', includeUncommitted: true });
    expect(await refusal('resubmitJob', { id: dirty.id })).toMatchObject({
      code: 'WRONG_STATE',
      path: ['input', 'id'],
      message: expect.stringContaining('uncommitted changes'),
    });
    await bench.repository.git('clean', '--quiet', '--force');

    const { addProject } = await bench.server.query<{ addProject: { project: { id: string } } }>(
      'mutation ($path: String!) { addProject(input: { path: $path, name: "short-lived" }) { project { id } } }',
      { path: bench.repository.path },
    );
    const orphan = await bench.submit({ command: 'true', projectId: addProject.project.id });
    await bench.ended(orphan.id);
    await bench.server.query('mutation ($id: ID!) { removeProject(input: { id: $id }) { userErrors { message } } }', {
      id: addProject.project.id,
    });
    expect(await refusal('resubmitJob', { id: orphan.id })).toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringContaining('addProject'),
    });
    expect(await refusal('resubmitJob', { id: 'nonsense' })).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a dependency', () => {
  it('starts a job when it is fulfilled, and is left out when that job is submitted anew', async () => {
    const first = await bench.submit({ command: 'sleep 2' });
    const second = await bench.submit({ command: 'echo after', dependsOn: [{ jobId: first.id }] });
    expect(await bench.reaches(second.id, 'PENDING')).toBeDefined();
    const end = await bench.ended(second.id);
    expect(end.state).toBe('COMPLETED');
    expect(Date.parse(end.startedAt ?? '')).toBeGreaterThanOrEqual(
      Date.parse((await bench.job(first.id)).endedAt ?? ''),
    );
    const { job } = await act('resubmitJob', { id: second.id });
    expect(await bench.ended(job?.id ?? '')).toMatchObject({ state: 'COMPLETED' });
  });

  it('that can never be fulfilled is told as the reason, and stands in the way of another submission', async () => {
    const first = await bench.submit({ command: 'sleep 1; exit 1' });
    const second = await bench.submit({ command: 'true', dependsOn: [{ jobId: first.id, kind: 'AFTER_OK' }] });
    await until(
      () => bench.job(second.id),
      ({ state, reason }) => state === 'PENDING' && reason === 'DependencyNeverSatisfied',
    );
    await bench.ended(first.id);
    expect(await refusal('resubmitJob', { id: second.id })).toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringContaining('FAILED'),
    });
    await bench.cancel(second.id);
    expect(await bench.ended(second.id)).toMatchObject({ state: 'CANCELLED' });
  });
});

describe('archiveJobs', () => {
  it('takes jobs out of the lists and brings them back, each with an outcome of its own', async () => {
    const job = await bench.submit({ command: 'true', name: 'to be archived' });
    await bench.ended(job.id);
    const listed = async (isArchived?: boolean) =>
      (
        await bench.server.query<{ jobs: { totalCount: number } }>(
          'query ($filter: JobFilter) { jobs(filter: $filter) { totalCount } }',
          { filter: { search: 'archived', ...(isArchived === undefined ? {} : { isArchived }) } },
        )
      ).jobs.totalCount;
    expect(await listed()).toBe(1);
    const results = await actOnMany('archiveJobs', ['nonsense', job.id]);
    expect(results.map(({ userErrors }) => userErrors.map(({ code }) => code))).toEqual([['NOT_FOUND'], []]);
    expect([await listed(), await listed(true)]).toEqual([0, 1]);
    await actOnMany('unarchiveJobs', [job.id]);
    expect(await listed()).toBe(1);
  });
});
