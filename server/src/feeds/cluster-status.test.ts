import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Clusters } from '../clusters/index.ts';
import type { ClusterSettings } from '../domain/cluster.ts';
import { createLogger, Metrics } from '../telemetry/index.ts';
import { clusterStatusFeed } from './cluster-status.ts';
import { Jobs, readAfter } from './testing.ts';

let jobs: Jobs;
let clusters: Clusters;
beforeEach(async () => {
  jobs = await Jobs.open();
  clusters = new Clusters({
    ...jobs,
    staging: null as never,
    log: createLogger({ level: 'silent', format: 'json' }),
    metrics: new Metrics('1.2.3'),
    sshEnvironment: { homeDirectory: '/nowhere', userName: 'nobody', configFile: '/nowhere/config' },
  });
});
afterEach(async () => {
  await clusters.stop();
  await jobs[Symbol.asyncDispose]();
});

/** Nothing listens there. */
const settings = (name: string): ClusterSettings => ({
  ...{ name, host: '127.0.0.1', port: 1, workspace: '~/slurmql', gpuRequest: 'gres' },
  ...{ pollIntervalSeconds: 30, gpuCacheSeconds: 60 },
});
const configure = (...names: readonly string[]) => clusters.configure(names.map(settings));
const feedOf = (name: string | null = null) => clusterStatusFeed(clusters, name);
const read = async (after: number, name: string | null = null) =>
  (await readAfter(feedOf(name), after)).flatMap(({ entries }) => entries);
const namesAfter = async (after: number, name: string | null = null) =>
  new Set((await read(after, name)).map(({ value }) => value.name));

it('begins with the clusters as they are', async () => {
  await configure('alpha', 'beta');
  const { first, position, isOver } = await feedOf().open();
  expect(first.map(({ name }) => name)).toEqual(['alpha', 'beta']);
  expect({ position, isOver }).toEqual({ position: clusters.newestChange, isOver: false });
  expect((await feedOf('beta').open()).first.map(({ name }) => name)).toEqual(['beta']);
});

it('a reader that resumes is told the clusters that changed meanwhile, each once and as it is now', async () => {
  await configure('alpha', 'beta');
  const { position } = await feedOf().open();
  await configure('beta', 'gamma');
  await configure('beta', 'alpha');
  const entries = (await read(position)).filter(({ value }) => value.name !== 'beta');
  const live = entries.map(({ value }) => [value.name, value.live !== null] as const);
  expect(new Map(live)).toEqual(
    new Map([
      ['alpha', true],
      ['gamma', false],
    ]),
  );
  expect(live).toHaveLength(2);
  const positions = entries.map((entry) => entry.position);
  expect(positions).toEqual(positions.toSorted((left, right) => left - right));
  expect(await namesAfter(entries.at(-1)?.position ?? 0)).not.toContain(entries[0]?.value.name);
});

it('no position is too old', async () => {
  await configure('alpha', 'beta');
  for (let round = 0; round < 50; round += 1) await configure('alpha', ...(round % 2 === 0 ? [] : ['beta']));
  expect(await namesAfter(0)).toEqual(new Set(['alpha', 'beta']));
  expect(await read(0)).toHaveLength(2);
});

it('changes of other clusters, and of none, move the position on', async () => {
  await configure('alpha');
  await clusters.stop();
  const position = clusters.newestChange;
  clusters.configurationFault = 'clusters.yaml: not valid';
  expect(await readAfter(feedOf('alpha'), position)).toEqual([{ upTo: position + 1, entries: [] }]);
});

it('ends when it is aborted, also while it waits for a change', async () => {
  const reading = new AbortController();
  const next = feedOf().follow(clusters.newestChange, reading.signal).next();
  await nextTurn();
  reading.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});
