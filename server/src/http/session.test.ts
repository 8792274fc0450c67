import { once } from 'node:events';
import { get } from 'node:http';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { signIn } from '../../test/support/session.ts';
import { Stage, TOKEN } from './testing.ts';

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage[Symbol.asyncDispose]());

/** Asks for an address as it stands, which `fetch` would put in order first. */
async function answerTo(path: string): Promise<{ status: number | undefined; location: string | undefined }> {
  return new Promise((resolve, reject) => {
    get(stage.address, { path }, (response) => {
      response.resume();
      resolve({ status: response.statusCode, location: response.headers.location });
    }).once('error', reject);
  });
}

it.each([
  ['/?token=x', '/'],
  ['/jobs?a=1&token=x', '/jobs?a=1'],
  ['//elsewhere.example/?token=x', '/'],
  ['/.//elsewhere.example/?token=x', '/elsewhere.example/'],
  ['/\\elsewhere.example/?token=x', '/'],
  ['/..//\\elsewhere.example/?token=x', '/elsewhere.example/'],
])('the token leaves the address %s, which stays on this server as %s', async (path, location) => {
  expect(await answerTo(path)).toEqual({ status: 302, location });
});

it('an address that is none is no fault of the server', async () => {
  expect((await answerTo('//')).status).not.toBe(500);
});

it('a page of another origin guesses for nobody, and learns nothing of a right token', async () => {
  const image = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
  const foreign = { origin: 'http://elsewhere.example', 'sec-fetch-site': 'cross-site' };
  const told = async (token: string) => {
    const address = `${stage.address.replace('http', 'ws')}/graphql`;
    const socket = new WebSocket(address, 'graphql-transport-ws', { headers: foreign });
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
    const [code, reason] = await once(socket, 'close');
    return `${code} ${reason}`;
  };
  const right = await told(TOKEN);
  for (let number = 0; number < 40; number += 1) {
    await new Promise((resolve, reject) => {
      const asked = get(stage.address, { path: '/?token=x', headers: image }, (response) => response.resume());
      asked.once('close', resolve).once('error', reject);
    });
    expect(await told('x')).toBe(right);
  }
  expect((await fetch(`${stage.address}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
});

it('a session that is used is renewed, over WebSocket too, whose clients are told to connect again', async () => {
  const { cookie, 'x-slurmql-session': key } = await signIn(stage.address, TOKEN);
  const ask = () => fetch(`${stage.address}/metrics`, { headers: { cookie, 'x-slurmql-session': key } });
  const open = () =>
    new WebSocket(`${stage.address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers: { cookie } });
  const renewed = /^slurmql_session_\d+=[^;]+; Path=\/; HttpOnly/;
  expect((await ask()).headers.get('set-cookie')).toBeNull();
  const socket = open();
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: { session: key } }));
  await once(socket, 'message');

  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 3600 * 1000 });
  try {
    expect((await once(socket, 'close'))[0]).toBe(1012);
    const again = open();
    const [{ headers }] = await once(again, 'upgrade');
    expect(headers['set-cookie']?.[0]).toMatch(renewed);
    again.terminate();
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('set-cookie')).toMatch(renewed);
    expect(answer.headers.get('set-cookie')).not.toContain(cookie);
    vi.setSystemTime(Date.now() + 7 * 24 * 3600 * 1000);
    expect((await ask()).status).toBe(401);
  } finally {
    vi.useRealTimers();
  }
});
