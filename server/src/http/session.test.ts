import { get } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Stage } from './testing.ts';

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
