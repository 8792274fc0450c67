import { StageChild, type StageJob } from '@slurmql/server/stage-child';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestPage } from './support/browser.ts';

// A server without a cluster, so that its jobs stay as they are: what is shown and offered follows from them alone.

let stage: StageChild;
let opened: TestPage;
let page: Page;

const HOUR = 3_600_000;
const job = (name: string, parts: Partial<StageJob>): StageJob => ({
  ...{ name, state: 'RUNNING', isArchived: false, clusterName: 'gone', projectName: null, command: 'true' },
  ...{ slurmJobId: '4811', submittedAt: new Date(Date.now() - HOUR), startedAt: new Date(Date.now() - HOUR) },
  ...{ endedAt: null, tags: [] },
  ...parts,
});

beforeAll(async () => {
  stage = await StageChild.start(new URL('../dist', import.meta.url).pathname);
  await stage.create([
    job('was lost', { state: 'LOST' }),
    job('runs', {}),
    job('two kinds', {
      tasks: [
        { arrayTaskId: 0, state: 'RUNNING' },
        { arrayTaskId: 1, state: 'PENDING' },
      ],
    }),
  ]);
  opened = await TestPage.open();
  page = opened.page;
  await page.goto(`${stage.address}/?token=${stage.token}`);
});
afterAll(async () => {
  await opened?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
});

const row = (name: string): Locator => page.getByRole('row').filter({ hasText: name });
const open = async (name: string): Promise<Locator> => {
  await page.goto(stage.address);
  await row(name).getByRole('link').click();
  await page.getByRole('heading', { name }).waitFor();
  return page.getByRole('main').locator('header');
};

it('a job whose end was not seen does not count on: how long it ran is unknown', async () => {
  await row('was lost').getByText('unknown', { exact: true }).waitFor();
  await row('runs')
    .getByText(/^1:0\d:\d\d$/)
    .waitFor();
  await open('was lost');
  const elapsed = page.locator('dt', { hasText: 'Elapsed' }).locator('+ dd');
  expect(await elapsed.textContent()).toBe('unknown');
});

it('a job on a cluster that is no longer configured is shown as last known, unless it is over', async () => {
  await page.goto(stage.address);
  await row('runs').getByTitle('Last known state').waitFor();
  expect(await row('was lost').getByTitle('Last known state').count()).toBe(0);
});

it('an array offers what fits any of its tasks, on its page and in the list', async () => {
  const header = await open('two kinds');
  await header.getByRole('button', { name: 'Hold' }).waitFor();
  const names = await header.getByRole('button').allTextContents();
  expect(names).toEqual(['Edit', 'Hold', 'Requeue', 'Cancel']);
  await open('runs');
  await header.getByRole('button', { name: 'Requeue' }).waitFor();
  expect(await header.getByRole('button').allTextContents()).toEqual(['Edit', 'Requeue', 'Cancel']);

  await page.goto(stage.address);
  const bar = page.getByRole('region', { name: 'Selected jobs' });
  await page.getByRole('checkbox', { name: 'Select runs' }).click();
  await expect.poll(() => bar.getByRole('button', { name: 'Hold' }).isEnabled()).toBe(false);
  await page.getByRole('checkbox', { name: 'Select two kinds' }).click();
  await expect.poll(() => bar.getByRole('button', { name: 'Hold' }).isEnabled()).toBe(true);
  expect(await bar.getByRole('button', { name: 'Release' }).isEnabled()).toBe(false);
  expect(opened.faults).toEqual([]);
});
