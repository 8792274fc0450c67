import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chunk, JOB, type JobData, TAIL, Workbench } from './support/jobs.ts';
import { until } from './support/server.ts';

let bench: Workbench;

beforeAll(async () => {
  bench = await Workbench.open();
});

afterAll(async () => {
  await bench?.[Symbol.asyncDispose]();
});

describe('a job', () => {
  it('runs the chosen commit, and its states and its log arrive while it runs', async () => {
    const secret = "a'b $x";
    const job = await bench.submit({
      command: 'sh hello.sh "$WHO"; sleep 3; echo done >&2',
      environment: [{ name: 'WHO', value: secret }],
    });
    expect(job.slurmJobId).toMatch(/^\d+$/);
    expect(job.gitCommit).toBe(await bench.repository.git('rev-parse', 'HEAD'));

    const seen: string[] = [];
    const log = (async () => {
      for await (const { logTail } of bench.server.subscribe<{ logTail: Chunk }>(TAIL, { id: job.id })) {
        if (logTail.text !== '') seen.push(`log ${logTail.text}`);
      }
    })();
    const status = `subscription ($id: ID!) { jobStatus(id: $id) { state } }`;
    for await (const { jobStatus } of bench.server.subscribe<{ jobStatus: JobData }>(status, { id: job.id })) {
      seen.push(jobStatus.state);
    }
    await log;
    const line = `log hello from ${secret}\n`;
    expect(seen).toEqual(expect.arrayContaining(['RUNNING', line, 'COMPLETED']));
    expect(seen.indexOf(line)).toBeLessThan(seen.indexOf('COMPLETED'));
    expect(await bench.wholeLog(job.id, 'STDERR')).toBe('done\n');

    const after = await bench.job(job.id);
    expect(after).toMatchObject({ state: 'COMPLETED', exitCode: 0, signal: null, partition: 'gpu', isStale: false });
    expect(after.script).toContain('sh hello.sh "$WHO"');
    expect(after.script).not.toContain(secret);
    expect(after.nodeList).not.toBeNull();
    expect(Date.parse(after.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(after.startedAt ?? ''));
  });

  it.each([
    ['exit 143', { state: 'FAILED', exitCode: 143, signal: null }],
    ['kill -9 $$', { state: 'FAILED', exitCode: null, signal: 9 }],
    ["bash -c 'kill -9 $$'; exit", { state: 'FAILED', exitCode: 137, signal: null }],
    ['if true; then', { state: 'FAILED', exitCode: 2, signal: null }],
  ])('that fails by %s says so', async (command, expected) => {
    expect(await bench.ended((await bench.submit({ command })).id)).toMatchObject(expected);
  });

  it('that is cancelled is CANCELLING until its end is seen, and can not be cancelled again', async () => {
    const job = await bench.submit({ command: 'trap "echo bye; exit 3" TERM; echo ready; sleep 60 & wait' });
    await bench.reaches(job.id, 'RUNNING');
    const states = bench.statesUntilEnd(job.id);
    const { job: cancelling, userErrors } = await bench.cancel(job.id);
    expect(userErrors).toEqual([]);
    expect(cancelling?.state).toBe('CANCELLING');
    expect((await states).map(({ state }) => state)).toEqual(expect.arrayContaining(['CANCELLING', 'CANCELLED']));
    expect(await bench.cancel(job.id)).toMatchObject({
      job: null,
      userErrors: [{ code: 'NOT_CANCELLABLE', message: expect.stringContaining('CANCELLED') }],
    });
  });

  it('runs a branch, a tag, or an older commit', async () => {
    const first = await bench.repository.git('rev-parse', 'HEAD');
    await bench.repository.git('tag', 'v1');
    await bench.repository.git('switch', '--quiet', '--create', 'feature/x');
    await bench.repository.write({ 'hello.sh': 'echo "from the branch"\n' });
    const second = await bench.repository.commit('On a branch');
    await bench.repository.git('switch', '--quiet', 'main');
    for (const [gitRef, sha, text] of [
      ['feature/x', second, 'from the branch\n'],
      ['v1', first, 'hello from \n'],
      [second.slice(0, 10), second, 'from the branch\n'],
    ] as const) {
      const job = await bench.submit({ command: 'sh hello.sh', gitRef });
      expect(job.gitCommit).toBe(sha);
      expect(await bench.wholeLog(job.id)).toBe(text);
    }
  });

  it('takes uncommitted changes and new files along when asked, and leaves the repository as it was', async () => {
    await bench.repository.write({ 'hello.sh': 'cat new.txt\n', 'new.txt': 'uncommitted\n' });
    const before = await bench.repository.git('status', '--porcelain');
    const job = await bench.submit({ command: 'sh hello.sh', includeUncommitted: true });
    expect(job.hasUncommittedChanges).toBe(true);
    expect(await bench.wholeLog(job.id)).toBe('uncommitted\n');
    expect(await bench.repository.git('status', '--porcelain')).toBe(before);
    const clean = await bench.submit({ command: 'sh hello.sh x' });
    expect(clean.hasUncommittedChanges).toBe(false);
    expect(await bench.wholeLog(clean.id)).toBe('hello from x\n');
    await bench.repository.git('checkout', '--quiet', '.');
    await bench.repository.git('clean', '--quiet', '--force');
  });

  it('gets the resources that were asked for, and a command is no shell of ours', async () => {
    const command = `echo "$SLURM_CPUS_PER_TASK $SLURM_JOB_NUM_NODES $CUDA_VISIBLE_DEVICES"; echo '$(reboot) \`x\` "'"'"; printf %s 'é'`;
    const job = await bench.submit({
      name: `odd "name" $(reboot) 'x'`,
      command,
      partition: 'gpu',
      nodes: 1,
      cpusPerTask: 3,
      memoryMb: 500,
      gpus: 2,
      gpuType: 'a100',
      timeLimitMinutes: 5,
      extraOptions: ['--comment=a b;c'],
    });
    expect(await bench.wholeLog(job.id)).toBe(`3 1 0,1\n$(reboot) \`x\` "'\né`);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'COMPLETED', name: `odd "name" $(reboot) 'x'` });
  });

  it('that Slurm refuses is told of in its words, at the field', async () => {
    const send = () =>
      bench.server.query(
        'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } userErrors { code message path } } }',
        {
          input: {
            projectId: bench.projectId,
            cluster: 'alpha',
            command: 'true',
            partition: 'nope',
            idempotencyKey: 'refused',
          },
        },
      );
    const refused = {
      submitJob: {
        job: null,
        userErrors: [
          {
            code: 'SLURM_REJECTED',
            path: ['input', 'partition'],
            message: expect.stringMatching(/invalid partition/i),
          },
        ],
      },
    };
    expect(await send()).toMatchObject(refused);
    expect(await send()).toMatchObject(refused);
    const { jobs } = await bench.server.query<{ jobs: { nodes: JobData[] } }>(
      `{ jobs(filter: { states: [SUBMIT_FAILED] }) { nodes { state reason workDir } } }`,
    );
    expect(jobs.nodes).toEqual([
      { state: 'SUBMIT_FAILED', workDir: null, reason: expect.stringMatching(/invalid partition/i) },
    ]);
  });

  it('is submitted once, however often and however simultaneously its key is sent', async () => {
    const input = { command: 'echo once', idempotencyKey: 'the-same-key' };
    const jobs = await Promise.all([bench.submit(input), bench.submit(input), bench.submit(input)]);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
    expect((await bench.submit(input)).id).toBe(jobs[0]?.id);
    const { jobs: found } = await bench.server.query<{ jobs: { totalCount: number } }>(
      '{ jobs(filter: { search: "echo once" }) { totalCount } }',
    );
    expect(found.totalCount).toBe(1);
  });

  it('waits for another one when told so', async () => {
    const first = await bench.submit({ command: 'sleep 2; exit 1' });
    const after = await bench.submit({ command: 'echo now', dependsOn: [{ jobId: first.id, kind: 'AFTER_NOT_OK' }] });
    expect(await bench.ended(after.id)).toMatchObject({ state: 'COMPLETED' });
    expect(await bench.job(first.id)).toMatchObject({ state: 'FAILED', exitCode: 1 });
  });

  it('goes on on its cluster while the server is away, and its end is seen afterwards', async () => {
    const job = await bench.submit({ command: 'sleep 3; echo survived', cluster: 'beta' });
    await bench.reaches(job.id, 'RUNNING');
    await bench.restart('SIGKILL');
    expect(await bench.ended(job.id)).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
    expect(await bench.wholeLog(job.id)).toBe('survived\n');
  });
});

describe('an array', () => {
  it('is one row with its tasks under it, each with its own state and log', async () => {
    const job = await bench.submit({
      command: 'echo "task $SLURM_ARRAY_TASK_ID"; [ "$SLURM_ARRAY_TASK_ID" != 2 ]',
      array: '1-3%2',
    });
    expect(await bench.ended(job.id)).toMatchObject({
      state: 'FAILED',
      exitCode: 1,
      reason: '1 of 3 tasks did not complete',
    });

    interface ArrayData {
      job: JobData & {
        taskCounts: { state: string; count: number }[];
        tasks: { totalCount: number; nodes: (JobData & { arrayTaskId: number; arrayParent: { id: string } })[] };
      };
    }
    const { job: array } = await bench.server.query<ArrayData>(
      `query ($id: ID!) { job(id: $id) { ${JOB} taskCounts { state count }
         tasks { totalCount nodes { ${JOB} arrayTaskId arrayParent { id } } } } }`,
      { id: job.id },
    );
    expect(array.taskCounts).toEqual([
      { state: 'COMPLETED', count: 2 },
      { state: 'FAILED', count: 1 },
    ]);
    expect(array.tasks.totalCount).toBe(3);
    expect(array.tasks.nodes.map((task) => [task.slurmJobId, task.arrayTaskId, task.state, task.exitCode])).toEqual([
      [`${job.slurmJobId}_1`, 1, 'COMPLETED', 0],
      [`${job.slurmJobId}_2`, 2, 'FAILED', 1],
      [`${job.slurmJobId}_3`, 3, 'COMPLETED', 0],
    ]);
    for (const task of array.tasks.nodes) {
      expect(task.arrayParent.id).toBe(job.id);
      expect(await bench.wholeLog(task.id)).toBe(`task ${task.arrayTaskId}\n`);
    }
    const { jobs } = await bench.server.query<{ jobs: { nodes: { id: string }[] } }>(
      '{ jobs(first: 500) { nodes { id } } }',
    );
    expect(jobs.nodes.filter(({ id }) => array.tasks.nodes.some((task) => task.id === id))).toEqual([]);
  });

  it('tells of its progress, also while its own state stays the same', async () => {
    // Far enough apart for each to be seen between two polls of a busy machine.
    const job = await bench.submit({ command: 'sleep "$SLURM_ARRAY_TASK_ID"', array: '1,8,15' });
    const finished: number[] = [];
    const subscription = 'subscription ($id: ID!) { jobStatus(id: $id) { state taskCounts { state count } } }';
    interface Progress {
      jobStatus: { state: string; taskCounts: { state: string; count: number }[] };
    }
    for await (const { jobStatus } of bench.server.subscribe<Progress>(subscription, { id: job.id })) {
      if (jobStatus.state !== 'RUNNING') continue;
      finished.push(jobStatus.taskCounts.find(({ state }) => state === 'COMPLETED')?.count ?? 0);
    }
    expect(finished).toEqual(expect.arrayContaining([0, 1, 2]));
  });

  it('is cancelled with all its tasks, or one task alone', async () => {
    const job = await bench.submit({ command: 'sleep 60', array: '0-2' });
    await bench.reaches(job.id, 'RUNNING');
    const tasks = async () =>
      (
        await bench.server.query<{ job: { tasks: { nodes: JobData[] } } }>(
          'query ($id: ID!) { job(id: $id) { tasks { nodes { id state } } } }',
          { id: job.id },
        )
      ).job.tasks.nodes;
    const [first] = await tasks();
    expect((await bench.cancel(first?.id ?? '')).userErrors).toEqual([]);
    await until(tasks, ([task]) => task?.state === 'CANCELLED');
    expect((await tasks()).filter(({ state }) => state === 'CANCELLED')).toHaveLength(1);
    expect((await bench.cancel(job.id)).userErrors).toEqual([]);
    expect(await bench.ended(job.id)).toMatchObject({ state: 'CANCELLED' });
    expect((await tasks()).map(({ state }) => state)).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED']);
  });
});

describe('two clusters', () => {
  it('run side by side, and lists tell them apart', async () => {
    const [left, right] = await Promise.all([
      bench.submit({ cluster: 'alpha', command: 'echo left', name: 'side-by-side' }),
      bench.submit({ cluster: 'beta', command: 'echo right', name: 'side-by-side' }),
    ]);
    expect(await Promise.all([bench.wholeLog(left.id), bench.wholeLog(right.id)])).toEqual(['left\n', 'right\n']);
    const { jobs } = await bench.server.query<{ jobs: { nodes: { id: string; cluster: { name: string } }[] } }>(
      '{ jobs(filter: { search: "side-by-side", clusters: ["beta"] }) { nodes { id cluster { name } } } }',
    );
    expect(jobs.nodes).toEqual([{ id: right.id, cluster: { name: 'beta' } }]);
  });
});

describe('events', () => {
  const EVENTS = `subscription ($after: String, $filter: JobFilter) {
    jobEvents(after: $after, filter: $filter) { cursor kind fromState state job { id name state } }
  }`;
  interface Event {
    readonly jobEvents: {
      cursor: string;
      kind: string;
      fromState: string | null;
      state: string | null;
      job: { id: string } | null;
    };
  }

  it('tell every change in order, and go on from a cursor without a gap or a double, over a restart too', async () => {
    const job = await bench.submit({ command: 'sleep 1', name: 'told' });
    await bench.ended(job.id);
    const { job: told } = await bench.server.query<{
      job: { events: { totalCount: number; nodes: { cursor: string; kind: string; state: string }[] } };
    }>('query ($id: ID!) { job(id: $id) { events { totalCount nodes { cursor kind fromState state } } } }', {
      id: job.id,
    });
    const timeline = told.events.nodes;
    expect(timeline[0]).toMatchObject({ kind: 'CREATED', state: 'SUBMITTING' });
    expect(timeline.at(-1)).toMatchObject({ state: 'COMPLETED' });
    expect(timeline).toHaveLength(told.events.totalCount);

    await bench.restart();
    const replayed: Event['jobEvents'][] = [];
    for await (const { jobEvents } of bench.server.subscribe<Event>(EVENTS, { after: timeline[0]?.cursor })) {
      if (jobEvents.job?.id === job.id) replayed.push(jobEvents);
      if (jobEvents.cursor === timeline.at(-1)?.cursor) break;
    }
    expect(replayed.map(({ cursor }) => cursor)).toEqual(timeline.slice(1).map(({ cursor }) => cursor));
  });

  it('start over with a reset where a cursor is not known', async () => {
    const future = Buffer.from('event:999999999').toString('base64url');
    for await (const { jobEvents } of bench.server.subscribe<Event>(EVENTS, { after: future })) {
      expect(jobEvents).toMatchObject({ kind: 'RESET', job: null, state: null });
      break;
    }
  });

  it('tell when a job stops matching the filter', async () => {
    await bench.online();
    const { jobs } = await bench.server.query<{ jobs: { eventCursor: string } }>('{ jobs(first: 0) { eventCursor } }');
    const after = jobs.eventCursor;
    const told: string[] = [];
    const listening = (async () => {
      const filter = { isActive: true, search: 'leaving' };
      for await (const { jobEvents } of bench.server.subscribe<Event>(EVENTS, { filter, after })) {
        told.push(`${jobEvents.kind} ${jobEvents.state}`);
        if (jobEvents.kind === 'REMOVED') return;
      }
    })();
    const job = await bench.submit({ command: 'sleep 1', name: 'leaving' });
    await bench.ended(job.id);
    await listening;
    expect(told.at(-1)).toBe('REMOVED COMPLETED');
  });

  it('come over server-sent events too', async () => {
    const job = await bench.submit({ command: 'sleep 1; echo sse' });
    const response = await fetch(`${bench.server.address}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${bench.server.token}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({
        query: 'subscription ($id: ID!) { jobStatus(id: $id) { state } }',
        variables: { id: job.id },
      }),
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const text = await response.text();
    expect(text).toContain('"state":"COMPLETED"');
    expect(text).toContain('event: complete');
  });
});

describe('a log', () => {
  it('is read in parts by offset, and characters are never cut', async () => {
    const job = await bench.submit({ command: `printf 'äöü€😀%.0s' 1 2 3` });
    const whole = 'äöü€😀'.repeat(3);
    expect(await bench.wholeLog(job.id)).toBe(whole);
    const part = async (offset: number, limit: number): Promise<Chunk> =>
      (
        await bench.server.query<{ job: { log: Chunk } }>(
          `query ($id: ID!, $offset: SafeInt, $limit: Int) {
             job(id: $id) { log(offset: $offset, limit: $limit) { startOffset endOffset text isReset isComplete } } }`,
          { id: job.id, offset, limit },
        )
      ).job.log;
    let text = '';
    let offset = 0;
    for (let chunk = await part(0, 5); ; chunk = await part(offset, 5)) {
      expect(chunk.startOffset).toBe(offset);
      expect(chunk.text).not.toContain('\ufffd');
      text += chunk.text;
      offset = chunk.endOffset;
      if (chunk.isComplete) break;
    }
    expect(text).toBe(whole);
    expect((await part(-4, 100)).text).toBe('😀');
    expect((await part(1, 100)).startOffset).toBe(2);
  });

  it('goes on from an offset', async () => {
    const job = await bench.submit({ command: 'echo one; echo two' });
    await bench.ended(job.id);
    let text = '';
    for await (const { logTail } of bench.server.subscribe<{ logTail: Chunk }>(TAIL, { id: job.id, after: 4 }))
      text += logTail.text;
    expect(text).toBe('two\n');
  });

  it('of an array is refused: its tasks have the logs', async () => {
    const job = await bench.submit({ command: 'true', array: '0-1' });
    await expect(bench.wholeLog(job.id)).rejects.toThrow('follow one of its tasks');
    await bench.ended(job.id);
  });
});

// Slurm tells whole seconds: what starts within the second of its submission seemed to have waited for less than nothing.
it('no job starts before it was submitted, nor ends before it started, and neither does an attempt', async () => {
  const array = await bench.submit({ command: 'true', array: '0-19' });
  const job = await bench.submit({ command: 'true' });
  await bench.ended(array.id);
  await bench.ended(job.id);
  const times = 'submittedAt startedAt endedAt attempts { startedAt endedAt }';
  interface Times {
    readonly submittedAt: string;
    readonly startedAt: string;
    readonly endedAt: string;
    readonly attempts: readonly { readonly startedAt: string; readonly endedAt: string }[];
  }
  const told = await bench.server.query<{ job: Times; array: Times & { tasks: { nodes: Times[] } } }>(
    `query ($job: ID!, $array: ID!) {
      job(id: $job) { ${times} }
      array: job(id: $array) { ${times} tasks(first: 20) { nodes { ${times} } } }
    }`,
    { job: job.id, array: array.id },
  );
  const all = [told.job, told.array, ...told.array.tasks.nodes];
  expect(all).toHaveLength(22);
  for (const { submittedAt, attempts, ...own } of all) {
    for (const { startedAt, endedAt } of [own, ...attempts]) {
      const order = [submittedAt, startedAt, endedAt].map((time) => Date.parse(time));
      expect(order).toEqual(order.toSorted((left, right) => left - right));
    }
  }
});

it("nothing secret is in the server's own directory for others to read, nor in its log", async () => {
  const job = await bench.submit({ command: 'true', environment: [{ name: 'API_KEY', value: 'sk-very-secret' }] });
  await bench.ended(job.id);
  const everything = await bench.server.query(
    `query ($id: ID!) { job(id: $id) { ${JOB} command description events { nodes { message } } } }`,
    { id: job.id },
  );
  expect(JSON.stringify(everything)).not.toContain('sk-very-secret');
  expect(bench.server.errors).not.toContain('sk-very-secret');
  expect(bench.server.errors).not.toContain(bench.server.token);
});
