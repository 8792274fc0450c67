import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unseenComponent } from '../domain/component.ts';
import type { Job } from '../domain/job.ts';
import { aJob } from '../domain/testing.ts';
import { DatabaseWork } from '../store/testing.ts';
import { writesOf } from '../store/writes.ts';
import { Stage, TOKEN } from './testing.ts';

/** As long as any that a cluster could once store. */
const LONG = 'n'.repeat(16 * 1024);

let databaseWork: DatabaseWork;
let stage: Stage;
beforeEach(async () => {
  databaseWork = new DatabaseWork();
  stage = await Stage.open();
});
afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  databaseWork[Symbol.dispose]();
});

async function ask(fields: string) {
  const response = await fetch(`${stage.address}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: `{ jobs(first: 500) { nodes { ${fields} } } }` }),
  });
  return response.json();
}

const tooMuch = (message: RegExp) => ({
  errors: [{ message: expect.stringMatching(message), extensions: { code: 'LIMIT_EXCEEDED' } }],
});

describe('a list of jobs that were requeued very often', () => {
  const submittedAt = new Date(2_000_000_000);

  async function requeued(jobs: number, attempts: number, nodeList: string | null): Promise<void> {
    const created = Array.from({ length: jobs }, () => aJob({ submittedAt, startedAt: null, attempt: attempts + 1 }));
    await stage.create(created);
    const each = Array.from({ length: attempts }, (_, index) => ({
      ...{ number: index + 1, outcome: null, exitCode: null, signal: null, endedAt: null, nodeList },
      startedAt: new Date(submittedAt.getTime() + (index + 5) * 1000),
    }));
    await writesOf(stage.store).transaction(async ({ jobWriter }) => {
      for (const { id } of created) await jobWriter.saveAttempts(id, each);
    });
  }

  it('is refused once their texts are too long, and is read little at a time until then', async () => {
    await requeued(50, 60, LONG);
    let answer: unknown;
    const most = await databaseWork.mostInATurn(async () => {
      answer = await ask('attempts { number }');
    });
    expect(answer).toMatchObject(tooMuch(/reads more than \d+ bytes/));
    expect(most).toBeLessThan(500);
  });

  it('says all the same how long each waited', async () => {
    await requeued(50, 60, LONG);
    const nodes = Array.from({ length: 50 }, () => ({ waitedSeconds: 5 }));
    expect(await ask('waitedSeconds')).toEqual({ data: { jobs: { nodes } } });
  });
});

it.each<[string, Partial<Job>]>([
  ['nodes', { nodeList: LONG.repeat(64) }],
  ['nodes of their components', { components: [{ ...unseenComponent(0), nodeList: LONG.repeat(64) }] }],
  ['reasons of their components', { components: [{ ...unseenComponent(0), reason: LONG.repeat(64) }] }],
])('a list of jobs is refused whose %s are too long, whatever is asked of them', async (_what, parts) => {
  await stage.create(Array.from({ length: 40 }, () => aJob(parts)));
  expect(await ask('id')).toMatchObject(tooMuch(/reads more than \d+ bytes/));
});
