import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TestServer } from '@slurmql/server/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestPage } from './support/browser.ts';

const stack = new AsyncDisposableStack();
let server: TestServer;
let opened: TestPage;

beforeAll(async () => {
  server = stack.use(await TestServer.start('clusters: {}\n'));
  opened = stack.use(await TestPage.open());
});
afterAll(() => stack.disposeAsync());

const isSignedIn = () => opened.page.getByRole('button', { name: 'Sign out' }).waitFor();

it('a session begins by the printed address and by the form, outlives a reload, and ends', async () => {
  const { page } = opened;
  await page.goto(`${server.address}/?token=${server.token}`);
  await isSignedIn();
  expect(page.url()).toBe(`${server.address}/`);
  await page.reload();
  await isSignedIn();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Token').fill(server.token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await isSignedIn();
  await page.goto(`${server.address}/projects`);
  await isSignedIn();
});

it('what only a link leads to opens with it, and asks to sign in without', async () => {
  const { page } = opened;
  await page.goto(`${server.address}/metrics`);
  await page.getByText('process_resident_memory_bytes').first().waitFor();
  await page.evaluate(() => localStorage.clear());
  await page.goto(`${server.address}/metrics`);
  await page.getByLabel('Token').fill(server.token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('process_resident_memory_bytes').first().waitFor();
});

it('a server on another port of the host is sent the cookie, and can do nothing with it', async () => {
  const { page } = opened;
  await page.goto(`${server.address}/`);
  await isSignedIn();
  const stolen: string[] = [];
  const other = createServer((request, response) => {
    stolen.push(request.headers.cookie ?? '');
    response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Other</title>');
  });
  stack.defer(() => void other.close());
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
  expect(stolen[0]).toContain('slurmql_session');
  expect(await page.evaluate(() => localStorage.length)).toBe(0);
  for (const path of ['/graphql?query={viewer{name}}', '/metrics', '/jobs/x/stdout.log', '/graphql']) {
    const headers = { cookie: stolen[0] ?? '', accept: 'application/json' };
    expect((await fetch(`${server.address}${path}`, { headers })).status).toBe(401);
  }
  await fetch(`${server.address}/session`, { method: 'DELETE', headers: { cookie: stolen[0] ?? '' } });
  await page.goto(`${server.address}/`);
  await isSignedIn();
});
