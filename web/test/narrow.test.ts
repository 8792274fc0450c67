import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestRepository } from '@slurmql/server/testing';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestPage } from './support/browser.ts';
import { Dashboard } from './support/dashboard.ts';

let dashboard: Dashboard;
let page: Page;

beforeAll(async () => {
  dashboard = await Dashboard.open();
  ({ page } = dashboard);
});
afterAll(() => dashboard?.[Symbol.asyncDispose]());

it('nothing in the lists of jobs and tasks runs into its neighbour, however long and on any screen', async () => {
  const name = `a-${'very-'.repeat(10)}long-name`;
  await dashboard.submit(name);
  await dashboard.submit('an array', { array: '0-199%1' });
  for (const shown of [name, 'an array']) {
    await page.getByRole('row').filter({ hasText: shown }).getByText('Running', { exact: true }).first().waitFor();
  }
  // A browser of its own, for its clock stays what it is made to be. What has run for a hundred days takes the most room.
  await using other = await TestPage.open();
  const later = other.page;
  await later.goto(`${dashboard.server.address}/?token=${dashboard.server.token}`);
  await later.clock.setSystemTime(Date.now() + 100 * 86_400_000);
  /** Of each row: what is drawn beyond its cell, and how much of the name can be read. */
  const measure = (): Promise<{ beyond: string[]; nameWidths: number[] }> =>
    later.evaluate(() => {
      const cells = [...document.querySelectorAll('main tr td')].filter((cell) => cell.getClientRects().length > 0);
      const beyond = cells.flatMap((cell) => {
        const { left, right } = cell.getBoundingClientRect();
        const isCut = (part: Element): boolean =>
          part !== cell.parentElement &&
          (getComputedStyle(part).overflowX === 'hidden' || isCut(part.parentElement ?? part));
        const parts = [...cell.querySelectorAll('*')].filter(
          (part) => part.getClientRects().length > 0 && getComputedStyle(part).position !== 'absolute',
        );
        const wide = parts.filter((part) => {
          if (isCut(part.parentElement ?? cell)) return false;
          const box = part.getBoundingClientRect();
          return box.right > right + 1 || box.left < left - 1;
        });
        return wide.map((part) => `${part.textContent} in ${cell.textContent}`);
      });
      const links = [...document.querySelectorAll('main tr a')];
      return { beyond, nameWidths: links.map((link) => link.getBoundingClientRect().width) };
    });
  for (const width of [360, 640, 768, 1024, 1280, 1440, 1920]) {
    await later.setViewportSize({ width, height: 800 });
    await later.goto(dashboard.server.address);
    await later.getByText('100-0', { exact: false }).first().waitFor();
    const { beyond, nameWidths } = await measure();
    expect({ width, beyond }).toEqual({ width, beyond: [] });
    expect(Math.min(...nameWidths)).toBeGreaterThan(24);
    expect(await later.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    await later.getByRole('link', { name: 'an array' }).press('Enter');
    await later.getByRole('link', { name: '0', exact: true }).waitFor();
    expect({ width, beyond: (await measure()).beyond }).toEqual({ width, beyond: [] });
  }
  expect(other.faults).toEqual([]);
});

it('no page is wider than a telephone, however long the words are that it shows', async () => {
  const word = (length: number): string => 'abcdefghij'.repeat(Math.ceil(length / 10)).slice(0, length);
  await writeFile(
    join(dashboard.server.directory, 'clusters.yaml'),
    `${dashboard.clustersYaml}  ${word(64)}: { host: ${word(50)}.example, help: ${word(200)} }\n`,
  );
  await using repository = await TestRepository.create({ 'a.sh': 'true\n' });
  await repository.git('checkout', '--quiet', '-b', word(150));
  await repository.commit(word(200));
  const { addProject } = await dashboard.server.query<{ addProject: { project: { id: string } } }>(
    'mutation ($input: AddProjectInput!) { addProject(input: $input) { project { id } } }',
    { input: { path: repository.path, name: word(60), condaEnv: word(40) } },
  );
  const input = { projectId: addProject.project.id, name: word(60), description: word(300) };
  const original = await dashboard.submit(word(60), { ...input, command: `echo ${word(500)}; exit 3` });
  await dashboard.directoryOfEnded(original);
  const again = await dashboard.submit(word(60), { ...input, basedOnJobId: original, extraOptions: ['--hold'] });
  const job = (id: string): string => `/jobs/${encodeURIComponent(id)}`;

  for (const width of [360, 768, 1024, 1440]) {
    await page.setViewportSize({ width, height: 740 });
    for (const path of [
      '/',
      job(original),
      `${job(original)}?tab=script`,
      job(again),
      '/clusters',
      '/projects',
      `/launch?from=${encodeURIComponent(original)}`,
    ]) {
      await page.goto(dashboard.server.address + path);
      await page.getByRole('main').getByText('abcdefghij').first().waitFor({ state: 'attached' });
      await expect.poll(() => page.getByRole('status', { name: 'Loading' }).count()).toBe(0);
      const scrolled = await page.evaluate(() => document.documentElement.scrollWidth);
      expect({ path, width, scrolled }).toEqual({ path, width, scrolled: width });
    }
  }
  expect(dashboard.opened.faults).toEqual([]);
});
