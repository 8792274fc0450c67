import { rename } from 'node:fs/promises';
import { TestRepository, TestServer } from '@slurmql/server/testing';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestPage } from './support/browser.ts';

const stack = new AsyncDisposableStack();
let server: TestServer;
let repository: TestRepository;
let page: Page;

beforeAll(async () => {
  server = stack.use(await TestServer.start('clusters:\n  alpha: { host: nowhere.invalid }\n'));
  repository = stack.use(await TestRepository.create({ 'train.py': 'print(1)\n' }));
  page = stack.use(await TestPage.open()).page;
  await page.goto(`${server.address}/projects?token=${server.token}`);
  await page.getByRole('button', { name: 'Add a project' }).first().click();
  await page.getByLabel('Path').fill(repository.path);
  await page.getByLabel('Name').fill('model');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await card().waitFor();
});
afterAll(() => stack.disposeAsync());

const card = () => page.getByRole('article', { name: 'model' });

it('what is done in a terminal shows without a reload', async () => {
  expect(await card().getByText('uncommitted changes').count()).toBe(0);
  await repository.write({ 'train.py': 'print(22)\n', 'new file.txt': 'x' });
  await card().getByText('uncommitted changes').waitFor();
  await card().getByText('Uncommitted files').click();
  const files = card().getByRole('listitem');
  await expect.poll(() => files.allTextContents()).toEqual(['new file.txtuntracked, 1 B', 'train.pymodified, 10 B']);
  await repository.write({ 'third.txt': 'x' });
  await expect.poll(() => files.count()).toBe(3);
  await repository.commit('All of it');
  await card().getByText('All of it').waitFor();
  await expect.poll(() => card().getByText('Uncommitted files').count()).toBe(0);
});

it('the launch form offers its branches and tags, and says what is wrong with it', async () => {
  await repository.git('branch', 'wild/idea');
  await repository.git('tag', 'v1');
  const offered = async () => {
    await page.goto(`${server.address}/launch`);
    await page.getByLabel('Branch, tag or commit').waitFor();
    return page
      .locator('datalist option')
      .evaluateAll((options) => options.map((option) => option.getAttribute('value')));
  };
  await expect.poll(offered).toEqual(expect.arrayContaining(['main', 'wild/idea', 'v1']));
  await page.goto(`${server.address}/projects`);
});

it('a repository that was moved is told, with what to do, and gets its new path', async () => {
  const elsewhere = `${repository.path}-moved`;
  await rename(repository.path, elsewhere);
  stack.defer(() => rename(elsewhere, repository.path));
  await card().getByRole('button', { name: 'Sync' }).click();
  await card().getByText('move the repository back, or give the project its new path').waitFor();
  // What it was is still shown.
  await card().getByText('All of it').waitFor();
  await page.goto(`${server.address}/launch`);
  await page.getByText('give the project its new path').waitFor();
  await page.goto(`${server.address}/projects`);
  await card().getByRole('button', { name: 'Edit' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Path').fill('/nowhere/at all');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText(/can't be used as a git repository/).waitFor();
  await dialog.getByLabel('Path').fill(elsewhere);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect.poll(() => card().getByText('move the repository back').count()).toBe(0);
  await card().locator('code').getByText(elsewhere).waitFor();
});
