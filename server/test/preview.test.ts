import type { LocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterLogin } from './support/cluster-login.ts';
import { Workbench } from './support/jobs.ts';
import { SMALL, startSlurm } from './support/slurm.ts';

interface Preview {
  readonly cluster: { readonly name: string };
  readonly script: string | null;
  readonly isAccepted: boolean;
  readonly message: string | null;
  readonly estimatedStartAt: string | null;
  readonly nodeList: string | null;
}
interface Answer {
  readonly previews: readonly Preview[];
  readonly userErrors: readonly { readonly code: string; readonly path: readonly string[]; readonly message: string }[];
}

let slurm: LocalSlurm;
let login: ClusterLogin;
let bench: Workbench;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  const gpus = { type: 'a100', count: 2 };
  slurm = await startSlurm({
    clusters: [
      { ...SMALL, name: 'alpha', nodes: [{ name: 'n1', cpus: 64, memoryMb: 512_000, gpus }] },
      { ...SMALL, name: 'beta' },
    ],
  });
  stack.defer(() => slurm.stop());
  login = await ClusterLogin.open(slurm.cluster('alpha'));
  bench = stack.use(await Workbench.open(slurm.clustersYaml({ poll_interval_seconds: 1, prologue: 'echo prologue' })));
});
afterAll(() => stack.disposeAsync());

const PREVIEW = `mutation ($input: SubmitJobInput!, $clusters: [String!]) {
    previewJob(input: $input, clusters: $clusters) {
      previews { cluster { name } script isAccepted message estimatedStartAt nodeList }
      userErrors { code path message }
    }
  }`;

function asked(input: object): object {
  return { projectId: bench.projectId, cluster: 'alpha', command: 'echo "it\'s $HOME"', ...input };
}

async function preview(input: object, clusters: readonly string[] | null = null): Promise<Answer> {
  const variables = { input: asked(input), clusters };
  return (await bench.server.query<{ previewJob: Answer }>(PREVIEW, variables)).previewJob;
}

async function only(input: object): Promise<Preview> {
  const { previews, userErrors } = await preview(input);
  expect(userErrors).toEqual([]);
  const [first] = previews;
  if (first === undefined || previews.length > 1) throw new Error(`${previews.length} previews`);
  return first;
}

describe('a preview', () => {
  it('shows the script that would be submitted, and where and when Slurm would start it', async () => {
    const before = Date.now();
    const { script, estimatedStartAt, ...rest } = await only({ gpus: 1 });
    expect(rest).toEqual({ cluster: { name: 'alpha' }, isAccepted: true, message: null, nodeList: 'n1' });
    expect(script).toContain('echo prologue\n');
    expect(script).toContain('\necho "it\'s $HOME"\n');
    expect(Math.abs(Date.parse(estimatedStartAt ?? '') - before)).toBeLessThan(300_000);
  });

  it('is of the very script: a job has the same but for its id', async () => {
    const { script } = await only({ command: 'true', condaEnv: null });
    const job = await bench.submit({ command: 'true' });
    const withoutId = (text: string | null) => text?.replaceAll(/[0-9A-HJKMNP-TV-Z]{26}/g, 'ID');
    expect(withoutId(script)).toBe(withoutId((await bench.job(job.id)).script));
    expect((await bench.ended(job.id)).state).toBe('COMPLETED');
  });

  it.each<[string, object]>([
    ['an array', { array: '0-3%2' }],
    ['a heterogeneous job', { components: [{ nodes: 1 }] }],
    ['further options', { extraOptions: ['--comment=a b $(id) `id`'] }],
    ['a long command', { command: `: ${"'".repeat(30_000)}` }],
    ['signs of printf', { command: "echo '%s %d \\n %%'" }],
    ['a name of its own', { name: '--help $(id)' }],
  ])('takes %s', async (_what, input) => {
    const { isAccepted, message } = await only(input);
    expect({ isAccepted, message }).toEqual({ isAccepted: true, message: null });
  });

  it.each<[string, object, RegExp]>([
    ['more GPUs than there are', { gpus: 9 }, /node configuration is not available/i],
    ['a partition that is not there', { partition: 'nope' }, /partition/i],
    ['more memory than a node has', { memoryMb: 9_000_000 }, /memory|configuration/i],
    ['a constraint that no node has', { extraOptions: ['--constraint=nope'] }, /feature|configuration/i],
  ])('tells in the words of Slurm why it would refuse %s', async (_what, input, message) => {
    const { script, message: said, ...rest } = await only(input);
    expect(rest).toEqual({ cluster: { name: 'alpha' }, isAccepted: false, estimatedStartAt: null, nodeList: null });
    expect(said).toMatch(message);
    expect(script).toContain('#!/bin/bash');
  });

  it.each<[string, object, string, readonly string[]]>([
    ['a field', { nodes: 0 }, 'INVALID_INPUT', ['input', 'nodes']],
    ['a commit', { gitRef: 'no-such-branch' }, 'UNKNOWN_REF', ['input', 'gitRef']],
    ['a cluster', { cluster: 'gamma' }, 'NOT_FOUND', ['input', 'cluster']],
    ['a project', { projectId: null, project: 'no such project' }, 'NOT_FOUND', ['input', 'project']],
    ['a job to wait for', { dependsOn: [{ jobId: btoa('Job:x') }] }, 'NOT_FOUND', ['input', 'dependsOn']],
  ])('is refused as the job would be, for %s', async (_what, input, code, path) => {
    expect(await preview(input)).toEqual({
      previews: [],
      userErrors: [{ code, path, message: expect.any(String) }],
    });
  });

  it('asks several clusters, each once, and what stands against one of them keeps no other from it', async () => {
    const { previews, userErrors } = await preview({ gpus: 1 }, ['beta', 'gamma', 'alpha', 'beta']);
    expect(userErrors).toEqual([]);
    expect(previews.map(({ cluster, isAccepted }) => [cluster.name, isAccepted])).toEqual([
      ['beta', false],
      ['gamma', false],
      ['alpha', true],
    ]);
    expect(previews[0]?.message).toMatch(/configuration|gres/i);
    expect(previews[1]?.message).toMatch(/no cluster "gamma"/);
  });

  it.each([[[]], [Array.from({ length: 21 }, (_, index) => `c${index}`)]])(
    'asks 1 to 20 clusters: %j',
    async (names) => {
      const { userErrors } = await preview({}, names);
      expect(userErrors).toMatchObject([{ code: 'INVALID_INPUT', message: expect.stringContaining('name 1 to 20') }]);
    },
  );

  it('is not asked for once nobody waits for it, and keeps no other from being asked', async () => {
    const { address, token } = bench.server;
    const leaving = new AbortController();
    const left = Array.from({ length: 18 }, () =>
      fetch(`${address}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query: PREVIEW, variables: { input: asked({}) } }),
        signal: leaving.signal,
      }).catch(() => null),
    );
    const first = await only({});
    leaving.abort();
    await Promise.all(left);
    const others = await Promise.all(Array.from({ length: 18 }, () => only({})));
    for (const { isAccepted } of [first, ...others]) expect(isAccepted).toBe(true);
  });

  it('leaves nothing on the cluster', async () => {
    const list = () => login.run('find slurmql; squeue -h');
    const before = await list();
    await only({});
    expect(await list()).toBe(before);
  });
});

it('says that Slurm can not be asked, instead of what it would say', async () => {
  await slurm.stopDaemon('beta/slurmctld');
  const one = await preview({ cluster: 'beta' });
  expect(one).toEqual({
    previews: [],
    userErrors: [
      {
        code: 'CLUSTER_UNAVAILABLE',
        path: ['input', 'cluster'],
        message: expect.stringMatching(/^beta can't be asked now: .*DOWN/),
      },
    ],
  });
  const { previews } = await preview({}, ['alpha', 'beta']);
  expect(previews.map(({ isAccepted, message }) => [isAccepted, message])).toEqual([
    [true, null],
    [false, expect.stringMatching(/^beta can't be asked now: .*DOWN/)],
  ]);
});

it('records nothing, whatever was asked', async () => {
  const { jobs } = await bench.server.query<{ jobs: { nodes: { command: string }[] } }>(
    '{ jobs { nodes { command } } }',
  );
  // The one that was submitted beside its preview.
  expect(jobs.nodes).toEqual([{ command: 'true' }]);
});
