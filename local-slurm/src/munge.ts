import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Daemon } from './daemon.ts';

/** Makes munged's directory with a key of its own. Every user may reach its socket, none its key. */
export async function prepareMunge(directory: string): Promise<{ socket: string; daemon: Daemon }> {
  await mkdir(directory, { mode: 0o755 });
  const key = join(directory, 'key');
  await writeFile(key, randomBytes(128), { mode: 0o600 });
  const socket = join(directory, 'socket');
  const daemon = new Daemon({
    name: 'munged',
    command: 'munged',
    args: [
      '--foreground',
      // The directories above may belong to an ordinary user.
      '--force',
      `--socket=${socket}`,
      `--key-file=${key}`,
      `--pid-file=${join(directory, 'pid')}`,
      `--seed-file=${join(directory, 'seed')}`,
      // Two clusters' daemons ask at once when jobs start.
      '--num-threads=8',
    ],
    logFile: join(directory, 'munged.log'),
    ready: (log) => /Created \d+ work threads/.test(log),
  });
  return { socket, daemon };
}
