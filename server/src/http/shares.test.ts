import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { signIn } from '../../test/support/session.ts';
import { ADMINISTRATOR, Authenticator } from '../auth/index.ts';
import { Clusters } from '../clusters/index.ts';
import { aJob } from '../domain/testing.ts';
import { MOST_LOG_SEARCHES, MOST_LOG_SEARCHES_OF_ACCOUNT } from '../graphql/job/log-searches.ts';
import { MOST_WAITS, MOST_WAITS_OF_ACCOUNT } from '../graphql/job/wait.ts';
import { excessInAll, excessOfAccount } from '../graphql/shares.ts';
import { SshUnavailable } from '../ssh/index.ts';
import { MOST_DOWNLOADS, MOST_DOWNLOADS_OF_ACCOUNT } from './log-download.ts';
import { MAX_STREAMS, MAX_STREAMS_OF_ACCOUNT, OpenStreams } from './open-streams.ts';
import { SocketClient, Stage, TOKEN } from './testing.ts';

let stage: Stage;
const job = aJob({ state: 'RUNNING', startedAt: new Date() });
const id = encodeGlobalID('Job', job.id);
beforeEach(async () => {
  stage = await Stage.open();
  await stage.create([job]);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await stage[Symbol.asyncDispose]();
});

type Credential = Readonly<Record<string, string>>;
const bearer: Credential = { authorization: `Bearer ${TOKEN}` };
const session = async (): Promise<Credential> => ({ ...(await signIn(stage.address, TOKEN)) });

type Ask = (credential: Credential, signal?: AbortSignal) => Promise<Response>;
const download: Ask = (headers, signal) =>
  fetch(`${stage.address}/jobs/${encodeURIComponent(id)}/stdout.log`, { headers, signal: signal ?? null });
const operation =
  (query: string): Ask =>
  (credential, signal) =>
    fetch(`${stage.address}/graphql`, {
      method: 'POST',
      headers: { ...credential, 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query }),
      signal: signal ?? null,
    });

/** What a refusal says; the rest stays open. */
const refusalOf = async (answer: Promise<Response>): Promise<unknown> => {
  const response = await answer;
  return [response.status, ((await response.json()) as { readonly errors?: readonly unknown[] }).errors];
};
const said = (excess: { readonly code: string; readonly message: string }) => [
  expect.objectContaining({ message: excess.message, extensions: { code: excess.code } }),
];

interface Kind {
  readonly ask: Ask;
  readonly gauge: string;
  readonly inAll: number;
  readonly ofAccount: number;
  readonly what: string;
  /** Of a refusal: of an account's own, and of all. */
  readonly statuses: readonly [ofAccount: number, inAll: number];
}
const KINDS: Readonly<Record<string, Kind>> = {
  'log downloads': {
    ask: download,
    gauge: 'slurmql_log_downloads',
    inAll: MOST_DOWNLOADS,
    ofAccount: MOST_DOWNLOADS_OF_ACCOUNT,
    what: 'log downloads',
    statuses: [429, 503],
  },
  'waiting requests': {
    ask: operation(`{ job(id: "${id}", waitUntilOverSeconds: 300) { id } }`),
    gauge: 'slurmql_waiting_requests',
    inAll: MOST_WAITS,
    ofAccount: MOST_WAITS_OF_ACCOUNT,
    what: 'requests that wait for the end of a job',
    statuses: [200, 200],
  },
  'searches in logs': {
    ask: operation(`{ logSearch(jobId: "${id}", pattern: "x") { hasMore } }`),
    gauge: 'slurmql_log_searches',
    inAll: MOST_LOG_SEARCHES,
    ofAccount: MOST_LOG_SEARCHES_OF_ACCOUNT,
    what: 'searches in logs',
    statuses: [200, 200],
  },
};

describe.each(Object.entries(KINDS))('%s', (_name, { ask, gauge, inAll, ofAccount, what, statuses }) => {
  it('have a bound for each account and for all, and room again once they end', async () => {
    // Of a log on a cluster that doesn't answer.
    const answered = Promise.withResolvers<never>();
    answered.promise.catch(() => undefined);
    vi.spyOn(Clusters.prototype, 'files').mockReturnValue({ stat: () => answered.promise } as never);
    const leaving = new AbortController();
    const open = async (count: number, credential: Credential) => {
      const before = await stage.figure(gauge);
      // More at once would be more newcomers than one address may have.
      for (let opened = 0; opened < count; ) {
        const more = Math.min(100, count - opened);
        for (let at = 0; at < more; at += 1) ask(credential, leaving.signal).catch(() => undefined);
        opened += more;
        await expect.poll(() => stage.figure(gauge)).toBe(before + opened);
      }
    };
    await open(ofAccount, bearer);
    const own = said(excessOfAccount(`${ofAccount} ${what}`));
    expect(await refusalOf(ask(bearer))).toEqual([statuses[0], own]);
    for (let opened = ofAccount; opened < inAll; opened += ofAccount) {
      await open(Math.min(ofAccount, inAll - opened), await session());
    }
    const busy = said(excessInAll(`${inAll} ${what}`));
    expect(await refusalOf(ask(await session()))).toEqual([statuses[1], busy]);
    expect(await refusalOf(ask(bearer))).toEqual([statuses[0], own]);
    leaving.abort();
    answered.reject(new SshUnavailable('The connection is lost'));
    await expect.poll(() => stage.figure(gauge)).toBe(0);
    await stage.change(job.id, { state: 'COMPLETED', endedAt: new Date() });
    expect(JSON.stringify(await refusalOf(ask(bearer)))).not.toMatch(/LIMIT_EXCEEDED|SERVER_BUSY/);
  });
});

describe('connections with streams', () => {
  it('have a bound for each account and for all, and room again once they end', async () => {
    const streams = new OpenStreams(await Authenticator.open(TOKEN, stage.store.sessions));
    const viewer = (name: string | null) => ({
      kind: 'viewer' as const,
      viewer: ADMINISTRATOR,
      session: name === null ? null : { id: name, beganAt: new Date(), expiresAt: new Date(), renewAt: new Date() },
    });
    const open = (name: string | null) =>
      Array.from({ length: MAX_STREAMS_OF_ACCOUNT }, () => {
        expect(streams.excess(viewer(name))).toBeNull();
        return streams.add(viewer(name), () => undefined);
      });
    const first = open(null);
    expect(streams.excess(viewer(null))?.code).toBe('LIMIT_EXCEEDED');
    expect(streams.isFull).toBe(false);
    const others = Array.from({ length: MAX_STREAMS / MAX_STREAMS_OF_ACCOUNT - 1 }, (_, at) => open(`${at}`)).flat();
    expect(streams.excess(viewer('one more'))?.code).toBe('SERVER_BUSY');
    expect(streams.isFull).toBe(true);
    for (const stream of first) {
      stream[Symbol.dispose]();
      stream[Symbol.dispose]();
    }
    expect(streams.size).toBe(others.length);
    expect(streams.excess(viewer(null))).toBeNull();
    expect(streams.excess(viewer('one more'))).toBeNull();
    expect(streams.excess(viewer('0'))?.code).toBe('LIMIT_EXCEEDED');
  });

  it.each([
    [excessOfAccount('5000 connections with streams'), 429],
    [excessInAll('10000 connections with streams'), 503],
  ])('are refused over each transport: %o', async (excess, status) => {
    vi.spyOn(OpenStreams.prototype, 'excess').mockReturnValue(excess);
    const events = fetch(`${stage.address}/graphql`, {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: 'subscription { jobEvents { cursor } }' }),
    });
    expect(await refusalOf(events)).toEqual([status, said(excess)]);
    expect(await refusalOf(download(bearer))).toEqual([status, said(excess)]);
    const client = new SocketClient(stage.address);
    const closed = new Promise((resolve) => client.socket.once('close', (...how) => resolve(how.map(String))));
    await client.opened();
    client.send({ type: 'connection_init', payload: bearer });
    expect(await closed).toEqual(['1013', excess.message]);
    expect(client.messages).toEqual([]);
  });
});
