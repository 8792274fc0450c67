import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Dashboard } from './support/dashboard.ts';

let dashboard: Dashboard;
let page: Page;

beforeAll(async () => {
  dashboard = await Dashboard.open();
  ({ page } = dashboard);
});
afterAll(() => dashboard?.[Symbol.asyncDispose]());

it('shows many updates of one line as one, whether they are followed or read later', async () => {
  // It begins once somebody looks, so that the first page sees every update come.
  const command =
    'until [ -e go ]; do sleep 0.2; done; ' +
    "for step in $(seq 300); do printf '\\r\\033[32m%3d of 300 %060d\\033[0m' $step 0; [ $((step % 20)) = 0 ] && sleep 0.05; done; " +
    "printf '\\nsaved\\r\\n'";
  const id = await dashboard.submit('progress', { command });
  await dashboard.openJob(id);
  const lines = page.getByRole('region', { name: 'Log lines' });
  await page.getByText('Nothing has arrived yet').waitFor();
  const { job } = await dashboard.server.query<{ job: { workDir: string } }>(
    'query ($id: ID!) { job(id: $id) { workDir } }',
    {
      id,
    },
  );
  await writeFile(join(job.workDir, 'source/go'), '');
  await lines.getByText('saved').waitFor();
  await page.getByText('Complete', { exact: true }).waitFor();
  const shown = async (): Promise<string[]> =>
    (await lines.locator('.min-h-5').allTextContents()).filter((line) => line !== '');
  const expected = [`300 of 300 ${'0'.repeat(60)}`, 'saved'];
  expect(await shown()).toEqual(expected);
  await page.reload();
  await lines.getByText('saved').waitFor();
  expect(await shown()).toEqual(expected);

  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download' }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toMatch(/^progress-\d+\.stdout\.log$/);
  expect(await readFile(await download.path(), 'utf8')).toMatch(/\nsaved\r\n$/);
  // And by its bare address, as a link elsewhere has it.
  const byLink = page.waitForEvent('download');
  await page.goto(`${dashboard.server.address}/jobs/${encodeURIComponent(id)}/stdout.log`);
  expect(await readFile(await (await byLink).path(), 'utf8')).toMatch(/\nsaved\r\n$/);
});

it('says why there is no log, and that nothing was written only where that is known', async () => {
  const empty = await dashboard.submit('says nothing', { command: 'true' });
  const failed = await dashboard.submit('fails', { command: 'echo lost; exit 3' });
  const held = await dashboard.submit('never starts', { extraOptions: ['--hold'] });
  const log = page.getByRole('region', { name: 'Log' });
  async function shows(id: string, stream: string, words: string): Promise<void> {
    await dashboard.openJob(id, `?stream=${stream}`);
    await log.getByText(words).waitFor();
  }

  await dashboard.openJob(held);
  await log.getByText('The job is held. Lines appear here once it writes them.').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
  await log.getByText('The job never started, so it has no output.').waitFor();

  await dashboard.directoryOfEnded(empty);
  await shows(empty, 'stderr', 'Nothing was written to stderr.');

  const workDir = await dashboard.directoryOfEnded(failed);
  await chmod(workDir, 0);
  await shows(failed, 'stderr', 'the cluster denies permission');
  expect(await log.getByText('was written').count()).toBe(0);
  await chmod(workDir, 0o755);
  await log.getByRole('button', { name: 'Try again' }).click();
  await log.getByText('Nothing was written to stderr.').waitFor();
  await rm(workDir, { recursive: true });
  await shows(failed, 'stderr', "The file is not there: the job's directory is no longer on the cluster.");
  expect(await log.getByText('Complete').count()).toBe(0);
  expect(await log.getByRole('button', { name: 'Download' }).count()).toBe(0);
  await page.keyboard.press('o');
  await log.getByText("the job's directory is no longer on the cluster").waitFor();

  await dashboard.slurm.stopDaemon('alpha/sshd');
  try {
    await dashboard.openJob(empty);
    await log.getByText("alpha can't be reached, so it is not known what the job has written.").waitFor();
  } finally {
    await dashboard.slurm.startDaemon('alpha/sshd');
  }
  await log.getByText('Nothing was written to stdout.').waitFor();
});

/** What a page holds once everything that can be collected is, and what it listens to. */
async function held(): Promise<{ nodes: number; listeners: number; heapBytes: number; keys: string }> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  for (let round = 0; round < 3; round += 1) await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const value = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  await session.detach();
  await page.keyboard.press('?');
  const sheet = page.getByRole('dialog', { name: 'Keys on this page' });
  const keys = await sheet.getByRole('term').allTextContents();
  const labels = await sheet.getByRole('definition').allTextContents();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'hidden' });
  return {
    nodes: value('Nodes'),
    listeners: value('JSEventListeners'),
    heapBytes: value('JSHeapUsedSize'),
    keys: keys.map((key, index) => `${key} ${labels[index]}`).join(', '),
  };
}

it('a page that is left leaves nothing behind: no element, listener, key or subscription', async () => {
  const names = ['with a log', 'with tasks', 'that runs'];
  const lines = 'for line in $(seq 3000); do echo "line $line of a log"; done';
  await dashboard.directoryOfEnded(await dashboard.submit('with a log', { command: lines }));
  await dashboard.submit('with tasks', { array: '0-9', extraOptions: ['--hold'] });
  await dashboard.submit('that runs', { command: `${lines}; sleep 600` });

  // Operations over the WebSocket that began and haven't ended.
  const open = new Set<string>();
  page.on('websocket', (socket) => {
    const note = ({ payload }: { payload: string | Buffer }): void => {
      const { type, id } = JSON.parse(String(payload));
      if (type === 'subscribe') open.add(id);
      if (type === 'complete') open.delete(id);
    };
    socket.on('framesent', note);
    socket.on('framereceived', note);
  });
  await page.goto(dashboard.server.address);
  const main = page.getByRole('main');
  const navigation = page.getByRole('navigation', { name: 'Pages' });
  const isListed = (): Promise<void> => main.getByRole('link', { name: 'with a log', exact: true }).waitFor();

  async function visit(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const name = names[index % names.length] ?? '';
      await main.getByRole('link', { name, exact: true }).click();
      await main.getByRole('heading', { name }).waitFor();
      if (name === 'with tasks') await main.getByRole('link', { name: '9', exact: true }).waitFor();
      else await main.getByText('line 3000 of a log').waitFor();
      await page.goBack();
      await isListed();
    }
    for (const name of ['Clusters', 'Projects']) {
      await navigation.getByRole('link', { name }).click();
      await main.getByRole('heading', { name, level: 1 }).waitFor();
    }
    await page.getByRole('link', { name: 'Launch a job' }).click();
    await main.getByRole('button', { name: 'Launch' }).waitFor();
    await navigation.getByRole('link', { name: 'Jobs' }).click();
    await isListed();
  }

  // Everything that is loaded once is there after the first round. Of the page before, the browser and the router keep
  // what one last pointed at.
  await visit(6);
  await held();
  await visit(6);
  const before = { ...(await held()), open: open.size };
  await visit(40);
  const after = { ...(await held()), open: open.size };
  expect(after.keys).toBe(before.keys);
  expect(after.keys).not.toContain('Cancel the job');
  expect(after.open).toBe(before.open);
  expect(after.listeners - before.listeners).toBeLessThan(5);
  expect(after.nodes - before.nodes).toBeLessThan(100);
  expect(after.heapBytes - before.heapBytes).toBeLessThan(2_000_000);
});
