import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { type LocalSlurm, oneTimeCode, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth } from './support/cluster-health.ts';
import { Workbench } from './support/jobs.ts';
import { TestServer } from './support/server.ts';

let slurm: LocalSlurm;
let server: TestServer;
const stack = new AsyncDisposableStack();

const CLUSTER = {
  nodes: [{ name: 'n1' }],
  partitions: [{ name: 'main', nodes: ['n1'] }],
  accounting: false,
} as const;
const SSHD = ['LogLevel VERBOSE'];
/** An attempt that was tried again by itself would have come by then: the first pause is 6 s at most. */
const RETRY_MS = 7_000;

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [
      { ...CLUSTER, name: 'code', twoFactor: 'key', sshdConfig: SSHD },
      { ...CLUSTER, name: 'password', twoFactor: 'password', sshdConfig: SSHD },
      { ...CLUSTER, name: 'hasty', twoFactor: 'key', sshdConfig: [...SSHD, 'LoginGraceTime 6'] },
      { ...CLUSTER, name: 'strict', twoFactor: 'key', sshdConfig: [...SSHD, 'MaxAuthTries 1'] },
    ],
  });
  stack.defer(() => slurm.stop());
  server = await TestServer.start(slurm.clustersYaml({ poll_interval_seconds: 1 }));
  stack.use(server);
});

afterAll(() => stack.disposeAsync());

const health = (name: string) => new ClusterHealth(() => server, name);

function secretsOf(name: string): { readonly codeSecret: string; readonly password: string } {
  const { twoFactor } = slurm.cluster(name);
  if (twoFactor === null) throw new Error(`${name} asks for nothing`);
  return { codeSecret: twoFactor.codeSecret, password: twoFactor.password ?? '' };
}

const codeOf = (name: string) => oneTimeCode(secretsOf(name).codeSecret);

async function wrongCode(name: string): Promise<string> {
  return String((Number(await codeOf(name)) + 1) % 1_000_000).padStart(6, '0');
}

/** How often anybody has connected to its login node. */
async function connectionsTo(name: string): Promise<number> {
  const log = await readFile(`${slurm.cluster(name).directory}/sshd/sshd.log`, 'utf8');
  return log.match(/^Connection from/gm)?.length ?? 0;
}

/** Begins a login where none waits, and gives the question. */
async function begin(cluster: ClusterHealth) {
  const { loginPrompt } = await cluster.until(({ status }) => status !== 'CONNECTING');
  if (loginPrompt === null) await cluster.connect();
  return cluster.asks();
}

describe('a login that asks for a code after the key', () => {
  it("shows the server's own prompt, takes the right code, and is online then", async () => {
    const cluster = health('code');
    const told = cluster.toldUntil(({ status }) => status === 'ONLINE');
    const prompt = await cluster.asks();
    expect(prompt).toMatchObject({
      host: expect.stringContaining(`@127.0.0.1:${slurm.cluster('code').port}`),
      prompts: [{ text: 'Verification code:', isSecret: true }],
      isRepeated: false,
    });
    expect(Date.parse(prompt.expiresAt)).toBeGreaterThan(Date.now());
    expect(await cluster.now()).toMatchObject({
      status: 'AUTH_REQUIRED',
      statusMessage: expect.stringContaining('an administrator can answer until'),
      loginAsksPerson: true,
    });

    expect(await cluster.answer('another', ['1'])).toMatchObject([
      {
        code: 'WRONG_STATE',
        path: ['input', 'promptId'],
        message: expect.stringContaining('This prompt is no longer open'),
      },
    ]);
    expect(await cluster.answer(prompt.id, ['1', '2'])).toMatchObject([
      { code: 'INVALID_INPUT', path: ['input', 'answers'], message: expect.stringContaining('Give 1 answers') },
    ]);
    expect(await cluster.answer(prompt.id, ['1'.repeat(2_000)])).toMatchObject([{ code: 'INVALID_INPUT' }]);
    expect(await cluster.answer(prompt.id, ['1'], 'nowhere')).toMatchObject([
      { code: 'NOT_FOUND', path: ['input', 'cluster'] },
    ]);
    const code = await codeOf('code');
    expect(await cluster.answer(prompt.id, [code])).toEqual([]);
    expect(await cluster.answer(prompt.id, [code])).toMatchObject([{ code: 'WRONG_STATE' }]);

    const states = await told;
    expect(states.some(({ loginPrompt }) => loginPrompt?.id === prompt.id)).toBe(true);
    expect(states.at(-1)).toMatchObject({ loginPrompt: null, statusMessage: null, loginAsksPerson: true });
    expect(await connectionsTo('code')).toBe(1);
  });

  it('is not begun again by itself once the connection is lost', async () => {
    const cluster = health('code');
    const before = await connectionsTo('code');
    await slurm.stopDaemon('code/sshd');
    const { statusMessage, loginPrompt } = await cluster.reaches('AUTH_REQUIRED');
    expect(statusMessage).toMatch(/the connection to .* was lost/);
    expect(statusMessage).toContain('begin a new login, with "Log in"');
    expect(loginPrompt).toBeNull();
    await slurm.startDaemon('code/sshd');
    await pause(RETRY_MS);
    expect(await cluster.now()).toMatchObject({ status: 'AUTH_REQUIRED', loginPrompt: null });
    expect(await connectionsTo('code')).toBe(before);

    const { id } = await begin(cluster);
    expect(await cluster.answer(id, [await codeOf('code')])).toEqual([]);
    await cluster.reaches('ONLINE');
    expect(await connectionsTo('code')).toBe(before + 1);
  });
});

describe('a login that asks for a password and a code', () => {
  it('asks again after a wrong answer, says so, and a job runs after the right ones', async () => {
    const { password } = secretsOf('password');
    const onlyThis = slurm
      .clustersYaml({ poll_interval_seconds: 1 })
      .replace(/^ {2}(code|hasty|strict):\n( {4}.*\n)*/gm, '');
    await using bench = await Workbench.open(onlyThis, async (own) => {
      const cluster = new ClusterHealth(() => own, 'password');
      const first = await cluster.asks();
      expect(first.prompts).toEqual([{ text: 'Password:', isSecret: true }]);
      await cluster.answer(first.id, ['a-wrong-secret']);
      const second = await cluster.asks(first.id);
      expect(second).toMatchObject({ prompts: [{ text: 'Password:' }], isRepeated: true });
      await cluster.answer(second.id, [password]);
      const third = await cluster.asks(second.id);
      expect(third.prompts).toEqual([{ text: 'Verification code:', isSecret: true }]);
      await cluster.answer(third.id, [await codeOf('password')]);
    });
    const { id } = await bench.submit({ cluster: 'password', command: 'bash hello.sh world' });
    expect(await bench.ended(id)).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
    expect(await bench.wholeLog(id)).toBe('hello from world\n');
    expect(bench.server.errors).toContain('connected');
    expect(bench.server.errors).not.toContain('a-wrong-secret');
    expect(bench.server.errors).not.toContain(password);
  });
});

it("a login that the server refuses is told in the server's words, and not tried again", async () => {
  const cluster = health('strict');
  const { id } = await begin(cluster);
  const before = await connectionsTo('strict');
  const code = await wrongCode('strict');
  await cluster.answer(id, [code]);
  const { statusMessage } = await cluster.until(
    ({ status, loginPrompt }) => status === 'AUTH_REQUIRED' && loginPrompt === null,
  );
  expect(statusMessage).toContain('The server said: Too many authentication failures');
  expect(statusMessage).toContain('It did not accept the answers that were given, once');
  await pause(RETRY_MS);
  expect(await connectionsTo('strict')).toBe(before);
  expect(server.errors).not.toContain(code);
});

it('a login that nobody answers is given up, told with what to do, and tried no more', async () => {
  const cluster = health('hasty');
  const { statusMessage } = await cluster.until(
    ({ status, loginPrompt, loginAsksPerson }) => loginAsksPerson && status === 'AUTH_REQUIRED' && loginPrompt === null,
  );
  expect(statusMessage).toContain('begin a new login, with "Log in"');
  await pause(RETRY_MS);
  expect(await connectionsTo('hasty')).toBe(1);

  const { id } = await begin(cluster);
  expect(await cluster.answer(id, [await codeOf('hasty')])).toEqual([]);
  await cluster.reaches('ONLINE');
  expect(await connectionsTo('hasty')).toBe(2);
});
