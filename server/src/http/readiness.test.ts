import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Poller } from '../poller/poller.ts';
import { Stage, TOKEN } from './testing.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
  // Nothing listens there.
  const settings = { name: 'alpha', host: '127.0.0.1', port: 1, workspace: '~/slurmql', gpuRequest: 'gres' } as const;
  await stage.clusters.configure([{ ...settings, pollIntervalSeconds: 30, gpuCacheSeconds: 60 }]);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await stage[Symbol.asyncDispose]();
});

async function readiness(headers: Readonly<Record<string, string>> = { authorization: `Bearer ${TOKEN}` }) {
  const response = await fetch(`${stage.address}/readyz`, { headers });
  return { status: response.status, body: await response.json() };
}

it('a cluster that is away leaves the server ready', async () => {
  expect(await readiness()).toEqual({ status: 200, body: { status: 'ready', checks: { pollers: true } } });
});

it('a poller that is stuck or has stopped does not', async () => {
  vi.spyOn(Poller.prototype, 'isRunning', 'get').mockReturnValue(false);
  expect(await readiness()).toEqual({ status: 503, body: { status: 'not ready', checks: { pollers: false } } });
  expect(await readiness({})).toEqual({ status: 503, body: { status: 'not ready' } });
});

it('a poller that was stopped by a change of clusters.yaml does no harm', async () => {
  await stage.clusters.configure([]);
  expect((await readiness()).status).toBe(200);
  await stage.clusters.stop();
  expect((await readiness()).status).toBe(503);
});
