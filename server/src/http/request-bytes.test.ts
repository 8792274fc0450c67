import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { signIn } from '../../test/support/session.ts';
import { aJob } from '../domain/testing.ts';
import { excessInAll, excessOfAccount } from '../graphql/shares.ts';
import { MAX_BODY_BYTES } from './graphql-requests.ts';
import { MOST_REQUEST_BYTES, MOST_REQUEST_BYTES_OF_ACCOUNT } from './request-bytes.ts';
import { SocketClient, Stage, TOKEN } from './testing.ts';

let stage: Stage;
const job = aJob({ state: 'RUNNING', startedAt: new Date() });
const QUERY = `{ job(id: "${encodeGlobalID('Job', job.id)}", waitUntilOverSeconds: 300) { id } }`;
const opened: (() => void)[] = [];
beforeEach(async () => {
  stage = await Stage.open();
  await stage.create([job]);
});
afterEach(async () => {
  for (const close of opened.splice(0)) close();
  await stage[Symbol.asyncDispose]();
});

type Credential = Readonly<Record<string, string>>;
const bearer: Credential = { authorization: `Bearer ${TOKEN}` };
const session = async (): Promise<Credential> => ({ ...(await signIn(stage.address, TOKEN)) });
const held = () => stage.figure('slurmql_request_bytes');

/** Nearly as large as a body may be. */
const LARGE = JSON.stringify({ query: QUERY, variables: { text: 'x'.repeat(MAX_BODY_BYTES - 1000) } });

async function open(credential: Credential, lines: readonly string[], body: string): Promise<Socket> {
  const socket = connect(Number(new URL(stage.address).port), '127.0.0.1');
  opened.push(() => socket.destroy());
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  const head = Object.entries({ host: new URL(stage.address).host, 'content-type': 'application/json', ...credential });
  const fields = [...head.map(([name, value]) => `${name}: ${value}`), ...lines].join('\r\n');
  socket.write(`POST /graphql HTTP/1.1\r\n${fields}\r\n\r\n${body}`);
  return socket;
}

/** How a request of that size is held: what is sent of it, over what. */
const KINDS: Readonly<Record<string, (credential: Credential) => Promise<unknown>>> = {
  'that wait for their answers': (credential) =>
    open(credential, ['accept: application/json', `content-length: ${LARGE.length}`], LARGE),
  'that wait for their answers, from clients that take a stream': (credential) =>
    open(credential, ['accept: */*', `content-length: ${LARGE.length}`], LARGE),
  'that never end': (credential) => open(credential, [`content-length: ${LARGE.length + 1}`], LARGE),
  'in chunks, without a length': (credential) =>
    open(credential, ['transfer-encoding: chunked'], `${LARGE.length.toString(16)}\r\n${LARGE}\r\n`),
  'over WebSockets': async (credential) => {
    const headers = credential['cookie'] === undefined ? {} : { cookie: credential['cookie'], origin: stage.address };
    const client = new SocketClient(stage.address, { headers });
    opened.push(() => client.socket.terminate());
    await client.init({ ...credential, session: credential['x-slurmql-session'] });
    client.subscribe('1', QUERY, JSON.parse(LARGE).variables);
  },
  'over WebSockets, that never end': async (credential) => {
    const headers = credential['cookie'] === undefined ? {} : { cookie: credential['cookie'], origin: stage.address };
    const client = new SocketClient(stage.address, { headers });
    opened.push(() => client.socket.terminate());
    await client.init({ ...credential, session: credential['x-slurmql-session'] });
    client.socket.send(LARGE, { fin: false });
  },
};

const ask = async (headers: Credential, text: string) =>
  fetch(`${stage.address}/graphql`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query: '{ viewer { id } }', variables: { text } }),
  });
const codeOf = async (answer: Response) =>
  ((await answer.json()) as { errors?: { extensions: { code: string } }[] }).errors?.[0]?.extensions.code;

it.each(Object.entries(KINDS))(
  'large requests have a bound together: those %s',
  async (_what, send) => {
    const large = 'x'.repeat(LARGE.length);
    const sendOne = async (credential: Credential) => {
      const before = await held();
      await send(credential);
      await expect.poll(held).toBeGreaterThanOrEqual(before + LARGE.length);
      return (await held()) - before;
    };
    const sendAll = async (credential: Credential) => {
      const bytes = await sendOne(credential);
      for (let sent = 2; sent * bytes < MOST_REQUEST_BYTES_OF_ACCOUNT; sent += 1) await sendOne(credential);
      return bytes;
    };
    const bytes = await sendAll(bearer);
    const own = await ask(bearer, large);
    expect([own.status, await codeOf(own)]).toEqual([429, excessOfAccount('').code]);
    expect((await ask(bearer, 'small')).status).toBe(200);
    const other = await session();
    expect((await ask(other, large)).status).toBe(200);
    for (let accounts = 1; accounts < MOST_REQUEST_BYTES / MOST_REQUEST_BYTES_OF_ACCOUNT; accounts += 1) {
      await sendAll(other);
    }
    const last = await session();
    while (MOST_REQUEST_BYTES - (await held()) >= bytes) await sendOne(last);
    const busy = await ask(await session(), 'x'.repeat(MAX_BODY_BYTES - 1000));
    expect([busy.status, await codeOf(busy)]).toEqual([503, excessInAll('').code]);
    for (const close of opened.splice(0)) close();
    await expect.poll(held).toBe(0);
    expect((await ask(bearer, large)).status).toBe(200);
  },
  120_000,
);
