import { StageChild, type StageJob } from '@slurmql/server/stage-child';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestPage } from './support/browser.ts';

let stage: StageChild;
let opened: TestPage;
let page: Page;

const job = (name: string, tags: readonly string[]): StageJob => ({
  ...{ name, tags, state: 'COMPLETED', isArchived: false, clusterName: 'gone', projectName: null, command: 'true' },
  ...{ slurmJobId: '4811', submittedAt: new Date(), startedAt: new Date(), endedAt: new Date() },
});

beforeAll(async () => {
  stage = await StageChild.start(new URL('../dist', import.meta.url).pathname);
  await stage.create([
    job('vit', ['baseline', 'for the paper', 'third', 'fourth']),
    job('resnet', ['baseline']),
    job('toy', []),
  ]);
  opened = await TestPage.open();
  page = opened.page;
  await page.setViewportSize({ width: 1400, height: 900 });
  await page.goto(`${stage.address}/?token=${stage.token}`);
});
afterAll(async () => {
  await opened?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
});

const rows = (): Locator => page.locator('tr[data-job-id]');
const row = (name: string): Locator => rows().filter({ hasText: name });
const header = (): Locator => page.getByRole('main').locator('header');
const areListed = (...names: string[]) =>
  expect
    .poll(async () => (await rows().getByRole('link').allTextContents()).filter((text) => names.includes(text)))
    .toEqual(names);

it('a tag leads to the jobs that have it, and is taken out of the filter again', async () => {
  await row('vit').getByText('+2').waitFor();
  await row('vit').getByRole('link', { name: 'for the paper' }).click();
  await expect.poll(() => rows().count()).toBe(1);
  expect(new URL(page.url()).searchParams.getAll('tag')).toEqual(['for the paper']);
  await page.getByRole('button', { name: '#for the paper' }).click();
  await expect.poll(() => rows().count()).toBe(3);
});

it('a search finds a tag with its sign', async () => {
  await page.goto(stage.address);
  await page.getByRole('searchbox', { name: 'Search jobs' }).fill('#base');
  await expect.poll(() => rows().count()).toBe(2);
  await areListed('resnet', 'vit');
});

it('a job gets another name, a description and tags, and the list shows them without a reload', async () => {
  await page.goto(`${stage.address}/?q=toy`);
  await row('toy').getByRole('link', { name: 'toy' }).click();
  await page.getByRole('button', { name: 'Edit' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('ablation');
  await dialog.getByLabel('Description').fill('Without <b>dropout</b>\nand with less data');
  await dialog.getByLabel('Tags').fill(`ablation\n\n ${'x'.repeat(65)} \n`);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('at most 64').waitFor();
  await dialog.getByLabel('Tags').fill('ablation\n second \n');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await header().getByRole('heading', { name: 'ablation' }).waitFor();
  await header().getByText('Without <b>dropout</b>').waitFor();
  await header().getByRole('link', { name: 'second' }).waitFor();
  await page.getByText('Edited').waitFor();

  // Where another page searches for the old name, the job is gone, and not counted any more.
  const other = await page.context().newPage();
  await other.goto(`${stage.address}/?q=ablation`);
  const found = other.locator('tr[data-job-id]');
  await expect.poll(() => found.count()).toBe(1);
  await page.getByRole('button', { name: 'Edit' }).click();
  await dialog.getByLabel('Name').fill('renamed');
  await dialog.getByLabel('Tags').fill('');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await other.getByText('No job matches').waitFor();
  expect(opened.faults).toEqual([]);
});
