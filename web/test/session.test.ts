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

/** A button's name, or a text. */
const see = (name: string) =>
  opened.page.getByRole('button', { name }).or(opened.page.getByText(name)).first().waitFor();
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

it('no page signs anybody out by leading here with a key of its own', async () => {
  const { page } = opened;
  const { address, token } = server;
  await page.goto(`${address}/?token=${token}`);
  await isSignedIn();
  const key = () => page.evaluate(() => localStorage.getItem('slurmql-session'));
  const own = await key();
  const another = await fetch(`${address}/session`, { method: 'POST', body: JSON.stringify({ token }) });
  const others = ((await another.json()) as { readonly key: string }).key;
  const elsewhere = createServer((request, response) => {
    const to = decodeURIComponent(request.url?.slice(1) ?? '');
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<a href="${to}">There</a>`);
  });
  stack.defer(() => void elsewhere.close());
  await new Promise<void>((resolve) => elsewhere.listen(0, 'localhost', resolve));
  const away = `http://localhost:${(elsewhere.address() as AddressInfo).port}`;
  for (const [path, seen] of [
    ['/', 'Sign out'],
    ['/jobs/x', 'Sign out'],
    ['/clusters?a=1', 'Sign out'],
    ['/metrics', 'process_resident_memory_bytes'],
    ['/graphql?query={viewer{name}}', 'viewer'],
  ] as const) {
    for (const hash of [`session=x`, `session=${others}`]) {
      const there = `${address}${path}#${hash}`;
      await page.goto(`${away}/${encodeURIComponent(there)}`);
      // The server's own pages are opened by a link from no site, such as a mail's: from another they ask to sign in.
      if (seen === 'Sign out') await page.getByRole('link', { name: 'There' }).click();
      else await page.goto(there);
      await see(seen);
      expect(page.url()).not.toContain('#');
      expect(await key()).toBe(own);
    }
  }
  // Nor by a key that nothing was kept beside.
  await page.evaluate(() => localStorage.clear());
  await page.goto(`${address}/#session=x`);
  await page.getByLabel('Token').waitFor();
  expect(await key()).toBeNull();
  await page.goto(`${address}/?token=${token}`);
  await isSignedIn();
});

it('the key of a session that is over makes room for that of the next one, wherever it is opened', async () => {
  const { page } = opened;
  const { address, token } = server;
  const forget = async () => {
    await page.context().clearCookies();
    await page.goto(`${address}/healthz`);
    await page.evaluate(() => localStorage.setItem('slurmql-session', 'that-of-one-that-is-over'));
  };
  for (const [path, seen] of [
    ['/', 'Sign out'],
    ['/metrics', 'process_resident_memory_bytes'],
    ['/graphql?query={viewer{name}}', 'viewer'],
  ] as const) {
    await forget();
    await page.goto(`${address}${path}`);
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await see(seen);
  }
  for (const [path, seen] of [
    ['/?', 'Sign out'],
    ['/projects?', 'Sign out'],
    ['/graphql?query={viewer{name}}&', 'viewer'],
  ] as const) {
    await forget();
    await page.goto(`${address}${path}token=${token}`);
    await see(seen);
    await page.goto(`${address}/`);
    await isSignedIn();
  }
});
