import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ClusterHealth } from './support/cluster-health.ts';
import { TestServer } from './support/server.ts';

let slurm: LocalSlurm;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  slurm = await startLocalSlurm({
    clusters: [
      {
        name: 'alpha',
        nodes: [{ name: 'n1' }],
        partitions: [{ name: 'main', nodes: ['n1'] }],
        accounting: false,
        // As most login nodes: whom no key lets in is asked.
        sshdConfig: ['PasswordAuthentication yes'],
      },
    ],
  });
  stack.defer(() => slurm.stop());
});
afterAll(() => stack.disposeAsync());

/** A login that was refused is tried again after a second instead of minutes. */
const QUICK = `const usual = globalThis.setTimeout;
const quick = (run, delayMs, ...rest) => usual(run, delayMs >= 240_000 && delayMs <= 4_500_000 ? 1_000 : delayMs, ...rest);
globalThis.setTimeout = Object.assign(quick, usual);`;
const ENVIRONMENT = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(QUICK)}` };
/** Time for several attempts. */
const ATTEMPTS_MS = 4_000;

let server: TestServer;
const alpha = new ClusterHealth(() => server, 'alpha');

const start = async (directory?: string, edit = (yaml: string) => yaml) => {
  server = await TestServer.start(edit(slurm.clustersYaml()), directory, '0', ENVIRONMENT);
};

async function restart(edit?: (yaml: string) => string): Promise<void> {
  await server.stop();
  await start(server.directory, edit);
}

const authorizedKeys = () => join(slurm.cluster('alpha').directory, 'sshd/authorized_keys');
/** The login node refuses every key, as while it doesn't reach the homes. */
const hideKeys = () => rename(authorizedKeys(), `${authorizedKeys()}.away`);
const showKeys = () => rename(`${authorizedKeys()}.away`, authorizedKeys());

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  if (existsSync(`${authorizedKeys()}.away`)) await showKeys();
});

/** The cluster has been reached with the key, which is refused since; no server runs. */
async function workedBefore(): Promise<void> {
  await start();
  await alpha.reaches('ONLINE');
  await server.stop();
  await hideKeys();
}

describe('a key that the login node refuses when the server starts', () => {
  it('is tried again by itself, however often the server starts, if it worked before and nobody was asked', async () => {
    await workedBefore();
    await start(server.directory);
    for (let restarts = 0; restarts < 2; restarts += 1) {
      const { statusMessage, loginPrompt, loginAsksPerson } = await alpha.reaches('AUTH_REQUIRED');
      expect(statusMessage).toMatch(
        /refused the login.* tried again by itself, with the same key alone: at \d\d:\d\d UTC/,
      );
      expect([loginPrompt, loginAsksPerson]).toEqual([null, false]);
      await restart();
    }
    await alpha.reaches('AUTH_REQUIRED');
    const told = alpha.toldUntil(({ status }) => status === 'ONLINE');
    await showKeys();
    expect((await told).map(({ loginPrompt }) => loginPrompt)).not.toContainEqual(expect.anything());
  });

  it.each<[string, () => Promise<void>]>([
    [
      'never worked',
      async () => {
        await hideKeys();
        await start();
        await alpha.asks();
        await restart();
      },
    ],
    [
      'worked, and somebody was asked for a password since',
      async () => {
        await workedBefore();
        await start(server.directory);
        await alpha.reaches('AUTH_REQUIRED');
        await alpha.connect();
        await alpha.asks();
        await restart();
      },
    ],
    [
      'worked for another user than clusters.yaml names now',
      async () => {
        await workedBefore();
        await start(server.directory, (yaml) => yaml.replace(/^( *user:).*$/m, '$1 somebody'));
      },
    ],
  ])('waits for a person if it %s', async (_what, before) => {
    await before();
    for (let tries = 0, last = ''; tries < 3; tries += 1) {
      const { id } = await alpha.asks(last);
      await alpha.answer(id, ['a wrong password']);
      last = id;
    }
    const waiting = await alpha.until(({ status, loginPrompt }) => status === 'AUTH_REQUIRED' && loginPrompt === null);
    expect(waiting.statusMessage).toContain('It did not accept the answers that were given, 3 times');
    await showKeys();
    await pause(ATTEMPTS_MS);
    expect(await alpha.now()).toEqual(waiting);
  });
});
