import { ensurePackages } from '@slurmql/local-slurm';
import { type Browser, chromium, type Page } from 'playwright-core';

const DEADLINE_MS = 60_000;

/** A page in a browser of its own, and what went wrong in it. */
export class TestPage implements AsyncDisposable {
  readonly page: Page;
  /** Errors that were thrown or written to the console. */
  readonly faults: string[] = [];
  readonly #browser: Browser;

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.page = page;
    page.setDefaultTimeout(DEADLINE_MS);
    page.on('pageerror', (error) => this.faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.faults.push(message.text());
    });
  }

  static async open(): Promise<TestPage> {
    await ensurePackages(['chromium']);
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    });
    const context = await browser.newContext();
    return new TestPage(browser, await context.newPage());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
