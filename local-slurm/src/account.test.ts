import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createAccount, removeAccount } from './account.ts';
import { listProcesses, signalProcess } from './processes.ts';
import { newDirectory } from './test-support.ts';

test('an account goes with what it runs, and not with what another user of the same number runs in a container', async () => {
  const directory = newDirectory();
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const account = await createAccount({ directory });
  const asAccount = ['setpriv', `--reuid=${account.uid}`, '--clear-groups', 'sleep', '1000'];
  const own = spawn('/usr/bin/env', asAccount);
  const container = spawn('unshare', ['--pid', '--fork', ...asAccount]);
  const ended = once(container, 'exit');
  // A container of somebody else's may have a user of the same number, too.
  const started = new Set([process.pid, container.pid]);
  const running = () => listProcesses().filter(({ uid, parentPid }) => uid === account.uid && started.has(parentPid));
  await expect.poll(() => running().length, { timeout: 30_000 }).toBe(2);
  const contained = running().filter(({ pid }) => pid !== own.pid);
  onTestFinished(async () => {
    for (const one of contained) signalProcess(one, 'SIGKILL');
    await ended;
  });

  const killed = once(own, 'exit');
  await removeAccount(account);
  expect(await killed).toEqual([null, 'SIGKILL']);
  expect(running()).toEqual(contained);
});

test('accounts kept apart have a number of their own each, however many are made at once', async () => {
  const directory = newDirectory();
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  // So many that some draw the same number.
  const made = await Promise.all(
    Array.from({ length: 40 }, (_, index) => createAccount({ directory, home: `home-${index}`, isApart: true })),
  );
  onTestFinished(async () => {
    await Promise.all(made.map(removeAccount));
  });
  expect(new Set(made.map(({ uid }) => uid)).size).toBe(made.length);
});
