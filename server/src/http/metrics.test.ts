import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aJob } from '../domain/testing.ts';
import { Stage, TOKEN } from './testing.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage[Symbol.asyncDispose]());

const headers = { authorization: `Bearer ${TOKEN}` };

/** The lines of one metric, without its name and comments. */
async function read(name: string): Promise<string[]> {
  const text = await (await fetch(`${stage.address}/metrics`, { headers })).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => line.slice(name.length));
}

const resources = aJob().resources;

describe('the metrics', () => {
  it('tell the version', async () => {
    expect(await read('slurmql_build_info')).toEqual(['{version="1.2.3"} 1']);
  });

  it('tell what jobs do now, of an array each task', async () => {
    const array = aJob({ state: 'RUNNING', resources: { ...resources, array: '0-1' } });
    const running = aJob({ state: 'RUNNING' });
    await stage.create([
      array,
      aJob({ state: 'RUNNING', arrayParentId: array.id, arrayTaskId: 0 }),
      aJob({ state: 'PENDING', arrayParentId: array.id, arrayTaskId: 1 }),
      running,
      aJob({ state: 'PENDING', clusterName: 'beta' }),
      aJob({ state: 'COMPLETED' }),
    ]);
    expect((await read('slurmql_jobs')).sort()).toEqual([
      '{cluster="alpha",state="PENDING"} 1',
      '{cluster="alpha",state="RUNNING"} 2',
      '{cluster="beta",state="PENDING"} 1',
    ]);
    await stage.change(running.id, { state: 'FAILED' });
    expect(await read('slurmql_jobs')).toContain('{cluster="alpha",state="RUNNING"} 1');
    await expect.poll(() => read('slurmql_job_ends_total')).toContain('{cluster="alpha",state="FAILED"} 1');
  });

  it('count ends of jobs and of tasks, and not those of arrays besides', async () => {
    const array = aJob({ state: 'RUNNING', resources: { ...resources, array: '0-1' } });
    const tasks = [0, 1].map((arrayTaskId) => aJob({ state: 'RUNNING', arrayParentId: array.id, arrayTaskId }));
    await stage.create([array, ...tasks]);
    for (const { id } of tasks) await stage.change(id, { state: 'COMPLETED' });
    await expect.poll(() => read('slurmql_job_ends_total')).toEqual(['{cluster="alpha",state="COMPLETED"} 2']);
    // Seen anew in the same state, it has not ended again; put back, it ends once more.
    await stage.change(tasks[0]?.id ?? '', { reason: 'x' });
    await stage.change(tasks[0]?.id ?? '', { state: 'PENDING', attempt: 2 });
    await stage.change(tasks[0]?.id ?? '', { state: 'COMPLETED' });
    await expect.poll(() => read('slurmql_job_ends_total')).toEqual(['{cluster="alpha",state="COMPLETED"} 3']);
  });

  it('count submissions by how they ended', async () => {
    const jobs = Array.from({ length: 4 }, () => aJob({ state: 'SUBMITTING', slurmJobId: null }));
    await stage.create(jobs);
    const [first, second, third, fourth] = jobs.map(({ id }) => id);
    await stage.change(first ?? '', { state: 'PENDING', slurmJobId: '7' });
    await stage.change(first ?? '', { state: 'RUNNING' });
    await stage.change(second ?? '', { state: 'SUBMIT_FAILED' });
    await stage.change(third ?? '', { state: 'CANCELLING' });
    await stage.change(third ?? '', { state: 'CANCELLED' });
    await stage.change(fourth ?? '', { reason: 'the cluster is away' });
    await expect
      .poll(async () => (await read('slurmql_submissions_total')).sort())
      .toEqual([
        '{cluster="alpha",outcome="accepted"} 1',
        '{cluster="alpha",outcome="cancelled"} 1',
        '{cluster="alpha",outcome="refused"} 1',
      ]);
  });

  it('tell how long requests take, by few words, and leave out streams', async () => {
    const count = 'slurmql_http_request_duration_seconds_count';
    await (await fetch(`${stage.address}/healthz`)).text();
    await (await fetch(`${stage.address}/jobs/x/stdout.log`, { headers })).text();
    for (const path of ['/a', '/b', '/c']) await (await fetch(`${stage.address}${path}`)).text();
    await (await fetch(`${stage.address}/graphql`)).text();
    const query = encodeURIComponent('subscription { jobStatus(id: "x") { id } }');
    const accept = 'text/event-stream';
    await (await fetch(`${stage.address}/graphql?query=${query}`, { headers: { ...headers, accept } })).text();
    await expect
      .poll(async () => (await read(count)).filter((line) => !line.includes('/metrics')).sort())
      .toEqual([
        '{route="/graphql",code="401"} 1',
        '{route="/healthz",code="200"} 1',
        '{route="/jobs/*.log",code="404"} 1',
        '{route="files",code="503"} 3',
      ]);
  });
});
