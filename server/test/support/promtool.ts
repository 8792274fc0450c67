import { execFile } from 'node:child_process';
import { access, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SYSTEM = '/usr/bin/promtool';
const TIMEOUT_MS = 120_000;

/**
 * What Prometheus' own checker says against metrics; empty: nothing. It is taken out of Debian's package, which isn't
 * installed for that: it would be a daemon on this machine from the next start on.
 */
export async function promtoolFaults(metrics: string): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const promtool = await access(SYSTEM).then(
    () => SYSTEM,
    () => unpacked(stack),
  );
  const checking = run(promtool, ['check', 'metrics'], { timeout: TIMEOUT_MS });
  checking.child.stdin?.end(metrics);
  try {
    const { stdout, stderr } = await checking;
    return `${stdout}${stderr}`.trim();
  } catch (cause) {
    // 3: it has found something (promtool check metrics --help).
    const { code, stdout, stderr } = cause as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== 'number') throw cause;
    return `${stdout}${stderr}`.trim() || `promtool ended with code ${code}`;
  }
}

async function unpacked(stack: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slurmql-promtool-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  await run('apt-get', ['download', 'prometheus'], { cwd: directory, timeout: TIMEOUT_MS }).catch((cause: unknown) => {
    throw new Error('promtool can not be fetched: run "sudo apt-get update", then try again', { cause });
  });
  const file = (await readdir(directory)).find((name) => name.endsWith('.deb')) ?? '';
  await run('dpkg-deb', ['--extract', file, '.'], { cwd: directory, timeout: TIMEOUT_MS });
  return join(directory, SYSTEM);
}
