import { readFile, writeFile } from 'node:fs/promises';
import type { TestServer } from './server.ts';

async function memoryOf(pid: number, key: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
}

/** The most memory that the server takes while something is done, above what it had before. */
export async function memoryDuring({ pid }: TestServer, work: () => Promise<void>): Promise<number> {
  const before = await memoryOf(pid, 'VmRSS');
  // Begins the peak anew (man 5 proc).
  await writeFile(`/proc/${pid}/clear_refs`, '5');
  await work();
  return (await memoryOf(pid, 'VmHWM')) - before;
}
