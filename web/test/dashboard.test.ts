import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestServer } from '@slurmql/server/testing';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestPage } from './support/browser.ts';
import { Dashboard } from './support/dashboard.ts';

let dashboard: Dashboard;
let server: TestServer;
let opened: TestPage;
let page: Page;

beforeAll(async () => {
  dashboard = await Dashboard.open();
  ({ server, opened, page } = dashboard);
});
afterAll(() => dashboard?.[Symbol.asyncDispose]());
beforeEach(() => {
  opened.faults.length = 0;
});

const submit: Dashboard['submit'] = (name, input) => dashboard.submit(name, input);
const LATER = { extraOptions: ['--begin=now+1hour'] };
const row = (name: string): Locator => page.getByRole('row').filter({ hasText: name });
const shows = (name: string, state: string): Promise<void> =>
  row(name).getByText(state, { exact: true }).first().waitFor();
const box = (name: string): Locator => page.getByRole('checkbox', { name: `Select ${name}` });
const bar = (): Locator => page.getByRole('region', { name: 'Selected jobs' });

async function selectedCount(text: string): Promise<void> {
  await bar().getByText(text, { exact: true }).waitFor();
}

describe('jobs are selected and acted on, many at once', () => {
  beforeAll(async () => {
    // The last one to be submitted stands first.
    for (const name of ['waits 3', 'waits 2', 'waits 1']) await submit(name, LATER);
    await submit('runs');
    await submit('is over', { command: 'true' });
    await shows('runs', 'Running');
    await shows('is over', 'Completed');
  });

  it('by keyboard alone: what Slurm takes is done, what it does not is told by name and stays selected', async () => {
    await row('runs').getByRole('link').focus();
    await page.keyboard.press('x');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('X');
    await selectedCount('4 selected');
    expect(await box('waits 2').isChecked()).toBe(true);
    await bar().getByRole('button', { name: 'Hold' }).focus();
    await page.keyboard.press('Enter');

    const outcome = page.getByRole('dialog', { name: 'Hold: 1 of 4 refused' });
    const refused = outcome.getByRole('listitem').filter({ hasText: 'runs' });
    await refused.getByText('Only a waiting job can be held: it is RUNNING').waitFor();
    await outcome.getByText('waits 1, waits 2, waits 3').waitFor();
    await page.keyboard.press('Escape');
    for (const name of ['waits 1', 'waits 2', 'waits 3']) await shows(name, 'Held');
    await selectedCount('1 selected');
    expect(await box('runs').isChecked()).toBe(true);
    await bar().getByRole('button', { name: 'Select none' }).click();
    await bar().waitFor({ state: 'detached' });
    // The keys go on from the row that was left.
    await page.keyboard.press('k');
    expect(
      await row('waits 2')
        .getByRole('link')
        .evaluate((link) => link === document.activeElement),
    ).toBe(true);
  });

  it('with the pointer and the shift key, and released again', async () => {
    await box('waits 3').click();
    await box('waits 1').click({ modifiers: ['Shift'] });
    await selectedCount('3 selected');
    // A second time with the shift key takes none of them away.
    await box('waits 2').click({ modifiers: ['Shift'] });
    expect(await box('waits 2').isChecked()).toBe(true);
    await bar().getByRole('button', { name: 'Release' }).click();
    await page.getByText('Release: accepted for 3 jobs').waitFor();
    await bar().waitFor({ state: 'detached' });
    for (const name of ['waits 1', 'waits 2', 'waits 3']) await shows(name, 'Pending');
  });

  it('into the archive and out of it, and what is not shown is not selected', async () => {
    const heading = (name: string): Locator => page.getByRole('rowheader', { name });
    await heading('Finished 1').waitFor();
    await box('is over').click();
    await bar().getByRole('button', { name: 'Archive' }).click();
    await row('is over').waitFor({ state: 'detached' });
    await heading('Finished 0').waitFor();

    await box('waits 1').click();
    await page.getByText('Archived', { exact: true }).click();
    await row('is over').waitFor();
    await bar().waitFor({ state: 'detached' });
    await page.getByRole('checkbox', { name: 'Select all jobs that are shown' }).click();
    await selectedCount('1 selected');
    await bar().getByRole('button', { name: 'Unarchive' }).click();
    await page.getByText('No archived job matches').waitFor();
    await page.getByRole('button', { name: 'Show all jobs' }).click();
    await shows('is over', 'Completed');
  });

  it('on a phone, where cancelling asks first', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.getByRole('checkbox', { name: 'Select all jobs that are shown' }).click();
    await selectedCount('5 selected');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await bar().getByRole('button', { name: 'Cancel' }).click();
    const question = page.getByRole('dialog', { name: 'Cancel 5 jobs?' });
    await question.getByRole('button', { name: 'Keep' }).click();
    await bar().getByRole('button', { name: 'Cancel' }).click();
    await question.getByRole('button', { name: 'Cancel 5 jobs' }).click();
    const outcome = page.getByRole('dialog', { name: 'Cancel: 1 of 5 refused' });
    await outcome.getByText('There is nothing left to cancel: the job is COMPLETED').waitFor();
    await page.keyboard.press('Escape');
    for (const name of ['runs', 'waits 1', 'waits 2', 'waits 3']) await shows(name, 'Cancelled');
    await bar().getByRole('button', { name: 'Select none' }).click();
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(opened.faults).toEqual([]);
  });
});

/** The stretches of an array's bar, by their meaning: what share of it each takes, in percent. */
async function stretches(bar: Locator): Promise<Record<string, number>> {
  const drawn = await bar.evaluate((element) => {
    const whole = element.firstElementChild;
    const width = whole?.getBoundingClientRect().width ?? 0;
    return [...(whole?.children ?? [])].map(
      (part) => [part.className, Math.round((part.getBoundingClientRect().width / width) * 100)] as const,
    );
  });
  return Object.fromEntries(drawn.map(([className, share]) => [/tone-(\w+)/.exec(className)?.[1] ?? '', share]));
}

it('the bar of an array that is open follows its tasks, in the list and on its page', async () => {
  const name = 'four tasks';
  const id = await submit(name, {
    command: 'case $SLURM_ARRAY_TASK_ID in 1) exit 1;; 3) sleep 600;; esac',
    array: '0-3',
    extraOptions: ['--hold'],
  });
  const other = await page.context().newPage();
  try {
    await other.goto(`${server.address}/jobs/${encodeURIComponent(id)}`);
    const bars = [row(name).getByTitle('4 held'), other.getByRole('main').locator('header').getByTitle('4 held')];
    for (const waiting of bars) expect(await stretches(waiting)).toEqual({ waiting: 100 });
    const release = 'mutation ($id: ID!) { releaseJob(input: { id: $id }) { userErrors { message } } }';
    await server.query(release, { id });
    const words = '2 completed, 1 failed, 1 running';
    for (const over of [row(name).getByTitle(words), other.getByRole('main').locator('header').getByTitle(words)]) {
      await over.waitFor();
      expect(await stretches(over)).toEqual({ good: 50, bad: 25, running: 25 });
    }
  } finally {
    await other.close();
    await server.query('mutation ($id: ID!) { cancelJob(input: { id: $id }) { userErrors { message } } }', { id });
  }
  expect(opened.faults).toEqual([]);
});

describe('the page of a job', () => {
  it('goes on with a job that was over and is requeued elsewhere, every time', async () => {
    const id = await submit('comes back', { command: 'exit 3' });
    await page.goto(`${server.address}/jobs/${encodeURIComponent(id)}`);
    await page.getByText('Failed', { exact: true }).first().waitFor();
    const header = page.getByRole('main').locator('header');
    // However long all this takes, it doesn't start meanwhile.
    const node = (...change: string[]) =>
      dashboard.slurm.run('alpha', 'scontrol', ['update', 'NodeName=n1', ...change]);
    await node('State=DRAIN', 'Reason=test');
    try {
      for (const _time of ['first', 'second']) {
        await server.query('mutation ($id: ID!) { requeueJob(input: { id: $id }) { userErrors { message } } }', { id });
        await header.getByText('Pending', { exact: true }).waitFor();
        await header.getByRole('button', { name: 'Hold' }).click();
        await header.getByText('Held', { exact: true }).waitFor();
        await header.getByRole('button', { name: 'Release' }).click();
        await header.getByText('Pending', { exact: true }).waitFor();
        await page.keyboard.press('c');
        await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
        await header.getByText('Cancelled', { exact: true }).waitFor();
        for (const told of ['Requeue requested', 'Hold requested', 'Release requested', 'Cancelling'])
          await page.getByText(`${told} by Administrator`).first().waitFor();
      }
    } finally {
      await node('State=RESUME');
    }
    expect(opened.faults).toEqual([]);
  });

  it('asks before a job that runs is requeued, and runs one again with the same inputs', async () => {
    const id = await submit('again', { command: 'sleep 600', cpusPerTask: 2, timeLimitMinutes: 90 });
    await page.goto(`${server.address}/jobs/${encodeURIComponent(id)}`);
    const header = page.getByRole('main').locator('header');
    await header.getByText('Running', { exact: true }).waitFor();
    // However long ago it began to run: what is shown is asked for again and again.
    const evidence = page.getByRole('definition').filter({ hasText: 'squeue as RUNNING' });
    // What was asked for, and what Slurm gave: what says the same is said once.
    const fact = (label: string): Locator => page.locator('dt', { hasText: label }).locator('+ dd');
    await fact('Nodes').getByText('given 1').waitFor();
    await fact('Memory')
      .getByText(/^given \d+/)
      .waitFor();
    expect(await fact('Time limit').textContent()).toBe('1 h 30 min');
    await evidence.getByText(/, first seen .* ago, last asked just now/).waitFor();
    await header.getByRole('button', { name: 'Requeue' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Requeue the job' }).click();
    await header.getByText('Pending', { exact: true }).waitFor();
    await page.keyboard.press('c');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
    await header.getByText('Cancelled', { exact: true }).waitFor();
    await header.getByRole('button', { name: 'Run again' }).click();
    await page.waitForURL((url) => url.pathname.startsWith('/jobs/') && !url.pathname.includes(encodeURIComponent(id)));
    await header.getByText('Running', { exact: true }).waitFor();
    expect(opened.faults).toEqual([]);
  });
});

describe('the page of the clusters', () => {
  it('is opened at the cluster whose link was followed, whatever its name, and stays there while it is filled', async () => {
    await page.setViewportSize({ width: 1280, height: 400 });
    const card = (name: string): Locator => page.getByRole('region', { name, exact: true });
    const link = (name: string): Locator => page.getByRole('link', { name: new RegExp(`^${name}: `) });
    async function isAtTop(name: string): Promise<void> {
      // Below the header; or at the page's end.
      await expect
        .poll(() =>
          card(name).evaluate((element) => {
            const { top, bottom } = element.getBoundingClientRect();
            const isAtEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
            return (top > 0 && top < 120) || (isAtEnd && top > 0 && bottom <= innerHeight);
          }),
        )
        .toBe(true);
    }
    await page.goto(server.address);
    for (const name of ['main', 'alpha', 'dead']) {
      await link(name).click();
      await page.getByRole('region', { name: 'Partitions of alpha' }).waitFor();
      await isAtTop(name);
    }
    // Followed again from elsewhere on the page.
    await page.mouse.wheel(0, -10_000);
    await expect.poll(() => page.evaluate(() => scrollY)).toBe(0);
    await link('dead').click();
    await isAtTop('dead');
    // By its address alone, from a message of a colleague.
    await page.goto(`${server.address}/projects`);
    await page.goto(`${server.address}/clusters#cluster-main`);
    await page.getByRole('region', { name: 'Partitions of alpha' }).waitFor();
    await isAtTop('main');
    await page.goto(`${server.address}/clusters#%`);
    await card('alpha').waitFor();
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(opened.faults).toEqual([]);
  });

  it('tests a cluster: every step with its outcome, and what to do about one that failed', async () => {
    await page.goto(`${server.address}/clusters`);
    await page.getByRole('region', { name: 'alpha' }).getByRole('button', { name: 'Test' }).click();
    const good = page.getByRole('dialog', { name: 'Test of alpha' });
    await good.getByText('The cluster can be used, with warnings.').waitFor();
    expect(await good.getByRole('listitem').count()).toBe(13);
    const step = (dialog: Locator, name: string): Locator =>
      dialog.getByRole('listitem').filter({ hasText: new RegExp(`^${name}`) });
    for (const name of ['Slurm commands', 'Queue', 'Nodes', 'Submission']) {
      await step(good, name).getByText('OK', { exact: true }).waitFor();
    }
    await step(good, 'Accounting').getByText('Warning', { exact: true }).waitFor();
    await good.getByRole('button', { name: 'Close' }).click();

    await page.getByRole('region', { name: 'dead' }).getByRole('button', { name: 'Test' }).click();
    const dead = page.getByRole('dialog', { name: 'Test of dead' });
    await dead.getByText("The cluster can't be used: see the failed steps.").waitFor();
    await step(dead, 'Reach').getByText('Failed', { exact: true }).waitFor();
    await step(dead, 'Reach').getByText('Start the VPN').waitFor();
    await step(dead, 'Login').getByText('Skipped', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await dead.waitFor({ state: 'hidden' });
  });

  it('shows an administrator what the server asked of a cluster, this hour and this day', async () => {
    const alpha = page.getByRole('region', { name: 'alpha' });
    await alpha.getByText('Load from this server').click();
    const cells = alpha.getByRole('row').filter({ hasText: 'Logins' }).getByRole('cell');
    await cells.first().waitFor();
    expect((await cells.allTextContents()).filter(Boolean)).toEqual(['1', '1']);
    const queue = alpha.getByRole('row').filter({ hasText: 'Queue' }).getByRole('cell');
    expect(Number((await queue.allTextContents())[0])).toBeGreaterThan(0);
  });

  it('tells on every page of a mistake in clusters.yaml, with line and column, until it is mended', async () => {
    const path = join(server.directory, 'clusters.yaml');
    const good = dashboard.clustersYaml;
    await writeFile(path, `${good}  gamma:\n    hots: nowhere\n`);
    const line = good.split('\n').length + 1;
    const alert = page.getByRole('alert').filter({ hasText: 'clusters.yaml has an error' });
    const text = `${path}:${line}:5: clusters.gamma.hots: unknown key; did you mean "host"?`;
    await alert.getByText(text).waitFor();
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Projects' }).click();
    await page.getByRole('heading', { name: 'Projects' }).waitFor();
    expect(await alert.getByText(text).isVisible()).toBe(true);
    await writeFile(path, good);
    await alert.waitFor({ state: 'detached' });
    expect(opened.faults).toEqual([]);
  });
});

it('a page says that the connection to the server is lost, and goes on by itself', async () => {
  await page.goto(server.address);
  await page.getByRole('status').getByText('live', { exact: true }).waitFor();
  await page.context().setOffline(true);
  await page.getByText('No connection to the server since').waitFor();
  const name = 'submitted meanwhile';
  await submit(name, LATER);
  expect(await row(name).count()).toBe(0);
  await page.context().setOffline(false);
  await shows(name, 'Pending');
  await page.getByText('No connection to the server since').waitFor({ state: 'detached' });
  await page.getByRole('status').getByText('live', { exact: true }).waitFor();
});

it('every file that a page needs comes compressed, for browsers that take brotli and for those that do not', async () => {
  const names = await page.evaluate(() =>
    performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname),
  );
  const files = ['/', ...names.filter((name) => /\.(js|css)$/.test(name))];
  expect(files.length).toBeGreaterThan(3);
  for (const coding of ['br', 'gzip']) {
    for (const file of files) {
      const { headers } = await fetch(server.address + file, { headers: { 'accept-encoding': coding } });
      // The smallest don't get smaller.
      if (file === '/' || Number(headers.get('content-length')) > 300) {
        expect(`${file} ${headers.get('content-encoding')}`).toBe(`${file} ${coding}`);
      }
    }
  }
});
