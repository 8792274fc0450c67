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

it('GraphiQL opens for who signs in there, with a subscription in its address, again and again, and runs it', async () => {
  const { page, faults } = opened;
  const outside: string[] = [];
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(server.address)) outside.push(request.url());
  });
  const query = 'subscription Changes { jobEvents { cursor } }';
  await page.goto(`${server.address}/graphql?${new URLSearchParams({ query })}`);
  await page.getByLabel('Token').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('The token is wrong').waitFor();
  // A browser writes an answer of 401 to its console.
  faults.length = 0;
  await page.getByLabel('Token').fill(server.token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  for (let times = 0; times < 2; times += 1) {
    await page.getByText('jobEvents').first().waitFor();
    await page.reload();
  }
  await page.getByText('jobEvents').first().waitFor();
  await page.getByRole('button', { name: /Execute query/ }).click();
  await page.getByRole('button', { name: /Stop query/ }).waitFor();

  // By a link on another site, with which the browser sends no cookie.
  const link = `${server.address}/graphql?${new URLSearchParams({ query: '{ viewer { name } }' })}`;
  const elsewhere = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<a href="${link}">There</a>`);
  });
  stack.defer(() => void elsewhere.close());
  await new Promise<void>((resolve) => elsewhere.listen(0, 'localhost', resolve));
  await page.goto(`http://localhost:${(elsewhere.address() as AddressInfo).port}/`);
  faults.length = 0;
  await page.getByRole('link', { name: 'There' }).click();
  await page.getByText('viewer').first().waitFor();
  await page.getByRole('button', { name: /Execute query/ }).click();
  await page.getByText('"Administrator"').waitFor();
  expect(outside.filter((url) => !url.startsWith('http://localhost:'))).toEqual([]);
  // Of the page that asks to sign in, before it is opened once more with the cookie.
  expect(faults.filter((fault) => !/status of 401/.test(fault))).toEqual([]);
});
