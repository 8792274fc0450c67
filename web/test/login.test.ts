import { ensurePackages, type LocalSlurm, oneTimeCode, startLocalSlurm } from '@slurmql/local-slurm';
import { TestServer } from '@slurmql/server/testing';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

const DEADLINE_MS = 15_000;

let slurm: LocalSlurm;
let server: TestServer;
let browser: Browser;
let page: Page;
const faults: string[] = [];

beforeAll(async () => {
  await ensurePackages(['chromium']);
  slurm = await startLocalSlurm({
    clusters: [
      {
        name: 'alpha',
        nodes: [{ name: 'n1' }],
        partitions: [{ name: 'main', nodes: ['n1'] }],
        accounting: false,
        twoFactor: 'password',
      },
    ],
  });
  server = await TestServer.start(slurm.clustersYaml({ poll_interval_seconds: 1 }));
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
  page = await browser.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
  await slurm?.stop();
});

it('an administrator answers what a login asks, wrongly at first, by keyboard alone', async () => {
  const { twoFactor } = slurm.cluster('alpha');
  if (twoFactor?.password == null) throw new Error('the login asks for no password');
  const dialog = page.getByRole('dialog', { name: 'Log in to alpha' });
  async function answer(label: string, text: string): Promise<void> {
    const field = dialog.getByLabel(label);
    await field.waitFor();
    // The first field has the focus by itself.
    await expect.poll(() => field.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
  }

  await page.goto(`${server.address}/?token=${server.token}`);
  await page.getByRole('link', { name: /alpha: sign-in needed, waits for you to log in/ }).click();
  await page.getByText('an administrator can answer until').waitFor();
  await page.getByRole('button', { name: 'Log in' }).focus();
  await page.keyboard.press('Enter');
  expect(await dialog.getByLabel('Password:').getAttribute('type')).toBe('password');
  await answer('Password:', 'wrong');
  await dialog.getByRole('alert').getByText('The previous answer was wrong').waitFor();
  await answer('Password:', twoFactor.password);
  await dialog.getByLabel('Verification code:').waitFor();
  expect(await dialog.getByLabel('Verification code:').getAttribute('autocomplete')).toBe('one-time-code');
  expect(await dialog.getByRole('alert').count()).toBe(0);
  await answer('Verification code:', await oneTimeCode(twoFactor.codeSecret));
  await page.getByText('alpha: logged in').waitFor();
  await page.getByText('Online', { exact: true }).waitFor();
  expect(await dialog.isVisible()).toBe(false);

  // The connection is lost: the person begins again, and leaves it.
  await slurm.stopDaemon('alpha/sshd');
  await page.getByText(/the connection to .* was lost/).waitFor();
  await page.getByRole('button', { name: 'Log in' }).click();
  await dialog.getByText('connection refused').waitFor();
  await slurm.startDaemon('alpha/sshd');
  await dialog.getByRole('button', { name: 'Start a new login' }).click();
  await dialog.getByLabel('Password:').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  expect(faults).toEqual([]);
});
