import { StageChild, type StageJob } from '@slurmql/server/stage-child';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestPage } from './support/browser.ts';

let stage: StageChild;
let opened: TestPage;
let page: Page;

const job = (name: string, command: string): StageJob => ({
  ...{ name, command, tags: [], state: 'COMPLETED', isArchived: false, clusterName: 'gone', projectName: null },
  ...{ slurmJobId: '4811', submittedAt: new Date(), startedAt: new Date(), endedAt: new Date() },
});

beforeAll(async () => {
  stage = await StageChild.start(new URL('../dist', import.meta.url).pathname);
  await stage.create([
    job('one', 'python train.py <b>'),
    job('two', 'python train.py --lr 1'),
    job('same', 'python train.py <b>'),
  ]);
  opened = await TestPage.open();
  page = opened.page;
  await page.goto(`${stage.address}/?token=${stage.token}`);
  // Signed in.
  await page.getByRole('checkbox', { name: 'Select one' }).waitFor();
});
afterAll(async () => {
  await opened?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
});

async function compare(...names: readonly string[]): Promise<void> {
  await page.goto(stage.address);
  for (const name of names) await page.getByRole('checkbox', { name: `Select ${name}` }).click();
  await page.getByRole('region', { name: 'Selected jobs' }).getByRole('link', { name: 'Compare' }).click();
  await page.getByRole('heading', { name: 'Compare jobs' }).waitFor();
}

it('two selected jobs are compared, field by field', async () => {
  await compare('one', 'two');
  const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: 'command', exact: true }) });
  await row.waitFor();
  const order = await page.getByRole('columnheader').allTextContents();
  const commands = ['python train.py <b>', 'python train.py --lr 1'];
  expect(await row.getByRole('cell').allTextContents()).toEqual(
    order[1]?.startsWith('one') ? commands : commands.toReversed(),
  );
  expect(await page.getByRole('rowheader').allTextContents()).toEqual(['State', 'Elapsed', 'Submitted', 'command']);
});

it('jobs that were run alike have no differences, and a single one can not be compared', async () => {
  await compare('one', 'same');
  await page.getByText('No differences').waitFor();
  await page.goto(`${stage.address}/compare`);
  await page.getByText(/name 2 to 20 jobs/).waitFor();
});
