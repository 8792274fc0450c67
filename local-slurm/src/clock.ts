import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findProcess } from './processes.ts';

/** The Debian package with the library that gives programs another time. */
export const CLOCK_PACKAGE = 'libfaketime';

const SHARED_MEMORY = '/dev/shm';

/** Variables with which a program sees a clock that is so far ahead; none for 0. */
export function clockEnvironment(offsetSeconds: number): Readonly<Record<string, string>> {
  if (offsetSeconds === 0) return {};
  return {
    // The dynamic linker puts the machine's directory of libraries in the place of $LIB (man ld.so).
    LD_PRELOAD: '/usr/$LIB/faketime/libfaketimeMT.so.1',
    FAKETIME: `${offsetSeconds > 0 ? '+' : ''}${offsetSeconds}`,
    // What waits for a span of time still waits for that span.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

/** The library leaves its shared memory behind when a program is killed: removes that of programs which are gone. */
export async function removeClockRemains(): Promise<void> {
  for (const name of await readdir(SHARED_MEMORY)) {
    const pid = /^(?:sem\.faketime_sem|faketime_shm)_(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && findProcess(Number(pid)) === undefined)
      await rm(join(SHARED_MEMORY, name), { force: true });
  }
}
