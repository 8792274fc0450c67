import { readFile } from 'node:fs/promises';
import { ensurePackages, type LocalSlurm, startLocalSlurm } from '@slurmql/local-slurm';
import { TestRepository, TestServer } from '@slurmql/server/testing';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

const DEADLINE_MS = 15_000;

let slurm: LocalSlurm;
let server: TestServer;
let repository: TestRepository;
let browser: Browser;
let page: Page;
const faults: string[] = [];
const requests: string[] = [];

beforeAll(async () => {
  await ensurePackages(['chromium']);
  slurm = await startLocalSlurm();
  server = await TestServer.start(slurm.clustersYaml({ poll_interval_seconds: 1, gpu_cache_seconds: 5 }));
  repository = await TestRepository.create({
    'train.sh': 'for epoch in 1 2 3 4 5 6 7 8 9; do echo "epoch $epoch"; sleep 1; done; sleep 300\n',
  });
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-sync',
    ],
  });
  page = await browser.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  page.on('request', (request) => requests.push(request.url()));
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
  await slurm?.stop();
});

it('a project is added, a job launched, its log watched as it grows, and cancelled, all by clicking', async () => {
  await page.goto(`${server.address}/?token=${server.token}`);
  expect(page.url()).toBe(`${server.address}/`);

  await page.getByRole('navigation').getByRole('link', { name: 'Projects' }).click();
  await page.getByRole('button', { name: 'Add a project' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Path').fill('/nowhere/at/all');
  await dialog.getByRole('button', { name: 'Add', exact: false }).click();
  await dialog.getByText("can't be used as a git repository").waitFor();
  await dialog.getByLabel('Path').fill(repository.path);
  await dialog.getByLabel('Name').fill('model');
  await dialog.getByRole('button', { name: 'Add', exact: false }).click();
  await page.getByRole('main').getByText('model', { exact: true }).waitFor();

  await page.getByRole('link', { name: 'Launch', exact: true }).first().click();
  await page.getByRole('combobox', { name: 'Cluster' }).selectOption('alpha');
  await page.getByLabel('Command').fill('bash train.sh');
  await page.getByLabel('Name').fill('by clicking');
  await page.getByLabel('GPUs per node').fill('2');
  await page.getByRole('combobox', { name: 'GPU type' }).selectOption('a100');

  await page.getByRole('button', { name: 'Preview' }).click();
  const preview = page.getByRole('region', { name: 'Preview' });
  const on = (cluster: string): Locator => preview.getByRole('listitem').filter({ hasText: cluster });
  await on('alpha').getByLabel('Accepted', { exact: true }).waitFor();
  await on('alpha')
    .getByText(/Would start .* on \w+/)
    .waitFor();
  await on('beta').getByLabel('Not accepted').waitFor();
  await preview.getByText('Batch script').click();
  await preview.getByText('bash train.sh').waitFor();
  await page.getByLabel('Description').fill('changes what was asked');
  await preview.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Launch' }).click();

  await page.getByRole('heading', { name: 'by clicking' }).waitFor();
  await page.getByText('Running', { exact: true }).first().waitFor();
  await page.getByText('epoch 1', { exact: true }).waitFor();
  const before = requests.length;
  await page.getByText('epoch 5', { exact: true }).waitFor();
  // What is live came over the one socket: the page has asked for nothing meanwhile.
  expect(requests.slice(before)).toEqual([]);

  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
  await page.getByText('Cancelled', { exact: true }).first().waitFor();

  await page.getByRole('button', { name: 'Script' }).click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Record' }).click();
  const record = JSON.parse(await readFile((await (await downloading).path()) ?? '', 'utf8'));
  expect(record).toMatchObject({
    version: 1,
    job: { name: 'by clicking' },
    settings: { project: 'model', command: 'bash train.sh', resources: { gpus: 2, gpuType: 'a100' } },
    script: expect.stringContaining('bash train.sh'),
    run: { state: 'CANCELLED' },
  });
  expect(record.settings.cluster).toMatchObject({ name: 'alpha', slurmVersion: expect.stringMatching(/^\d+\.\d+/) });

  await page.getByRole('navigation').getByRole('link', { name: 'Jobs' }).click();
  await page.getByRole('row').filter({ hasText: 'by clicking' }).getByText('Cancelled').waitFor();
  expect(faults).toEqual([]);
});
