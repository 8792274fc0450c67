import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SshInterrupted, SshOutputTooLarge, SshUnavailable } from '../ssh/index.ts';
import { SlurmUnavailable } from './errors.ts';
import { Together } from './together.ts';

const MINUTE = 60_000;
const DIRECTORIES = Array.from({ length: 50 }, (_, index) => `/w/jobs/${index}`);

let together: Together;
/** Directories of which a command never ends, and those that print too much. */
let hanging: Set<string>;
let loud: Set<string>;
/** Those that have the login's shell killed, or its command end early, after some seconds. */
let deadly: Map<string, Error>;
const DEADLY_MS = 1000;
let companies: number[];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'] });
  together = new Together(20);
  hanging = new Set();
  loud = new Set();
  deadly = new Map();
  companies = [];
});
afterEach(() => void vi.useRealTimers());

async function look(directories: readonly string[]): Promise<ReadonlyMap<string, string>> {
  companies.push(directories.length);
  if (directories.some((directory) => hanging.has(directory))) {
    vi.advanceTimersByTime(MINUTE);
    throw new SshInterrupted('the command took longer than 60 s');
  }
  for (const directory of directories) {
    const cause = deadly.get(directory);
    if (cause === undefined) continue;
    vi.advanceTimersByTime(DEADLY_MS);
    throw cause;
  }
  if (directories.some((directory) => loud.has(directory)))
    throw new SshOutputTooLarge('more than 64 MiB were printed');
  return new Map(directories.map((directory) => [directory, `of ${directory}`]));
}

const isRead = (answer: unknown) => typeof answer === 'string';
async function unread(directories: readonly string[] = DIRECTORIES): Promise<string[]> {
  const answers = await together.ask(directories, look);
  expect([...answers.keys()].sort()).toEqual([...directories].sort());
  return [...answers].flatMap(([directory, answer]) => (isRead(answer) ? [] : [directory]));
}

describe('many directories', () => {
  it('are asked for with few commands', async () => {
    expect(await unread()).toEqual([]);
    expect(companies).toEqual([10, 20, 20]);
    expect(await unread([])).toEqual([]);
    expect(companies).toHaveLength(3);
  });

  it('are read at once but for one that prints too much', async () => {
    loud.add('/w/jobs/7').add('/w/jobs/33');
    expect((await unread()).sort()).toEqual(['/w/jobs/33', '/w/jobs/7']);
  });

  it.each([
    ['one', ['/w/jobs/7']],
    ['the first', ['/w/jobs/0']],
    ['the last', ['/w/jobs/49']],
    ['several', ['/w/jobs/3', '/w/jobs/4', '/w/jobs/41']],
    ['one, beside one that prints too much', ['/w/jobs/12']],
  ])('are all read after some looks but for those that hang: %s', async (what, names) => {
    for (const name of names) hanging.add(name);
    if (what.includes('too much')) loud.add('/w/jobs/13');
    const left = new Set(DIRECTORIES);
    const wanted = new Set([...names, ...loud]);
    for (let looks = 0; looks < 40 && left.size > wanted.size; looks += 1) {
      const still = new Set(await unread([...left]));
      for (const directory of left) if (!still.has(directory)) left.delete(directory);
    }
    expect([...left].sort()).toEqual([...wanted].sort());
    // Once they are known, they cost nothing for ten minutes, and then one look each.
    for (let looks = 0; looks < 10; looks += 1) await unread([...left]);
    companies.length = 0;
    await unread([...names, '/w/jobs/other']);
    expect(companies).toEqual([1]);
    hanging.clear();
    vi.advanceTimersByTime(11 * MINUTE);
    expect(await unread([...names])).toEqual([]);
  });

  it('are all read after some looks though each asks for others', async () => {
    hanging.add('/w/jobs/7').add('/w/jobs/32');
    const left = new Set(DIRECTORIES);
    for (let looks = 0; looks < 60; looks += 1) {
      const asked = DIRECTORIES.filter((_directory, index) => index % 2 === looks % 2);
      const still = new Set(await unread(asked));
      for (const directory of asked) if (!still.has(directory)) left.delete(directory);
    }
    expect([...left].sort()).toEqual(['/w/jobs/32', '/w/jobs/7']);
  });

  it.each(['/w/jobs/0', '/w/jobs/25', '/w/jobs/49'])(
    'are read in their turn though all others hang, and are more than are left alone at a time: %s',
    async (other) => {
      for (const directory of DIRECTORIES) if (directory !== other) hanging.add(directory);
      for (let looks = 0; (await unread()).includes(other); looks += 1) expect(looks).toBeLessThan(60);
    },
  );

  const ENDS: readonly (readonly [string, Error])[] = [
    ['has the shell killed', new SshInterrupted('the command was ended by SIGKILL')],
    ['has the connection broken', new SshInterrupted('the connection broke')],
    ['has the shell give up', new SlurmUnavailable('the list of records was cut off')],
    ['has it run out of memory', new SlurmUnavailable('sh: 0: Out of space')],
    ['causes something unknown', new Error('no such thing')],
  ];

  it.each(ENDS)('are read at once but for one that %s', async (_what, cause) => {
    for (const place of [0, 7, 49]) {
      together = new Together(20);
      deadly = new Map([[`/w/jobs/${place}`, cause]]);
      expect(await unread()).toEqual([`/w/jobs/${place}`]);
      // It is known then, and the others need no more commands than without it.
      companies.length = 0;
      expect(await unread()).toEqual([`/w/jobs/${place}`]);
      expect(companies.length).toBeLessThanOrEqual(4);
      deadly.clear();
      vi.advanceTimersByTime(11 * MINUTE);
      expect(await unread()).toEqual([]);
    }
  });

  it.each(ENDS)('are read at once but for several that do: one %s', async (_what, cause) => {
    for (const name of ['/w/jobs/3', '/w/jobs/4', '/w/jobs/41']) deadly.set(name, cause);
    loud.add('/w/jobs/13');
    expect((await unread()).sort()).toEqual(['/w/jobs/13', '/w/jobs/3', '/w/jobs/4', '/w/jobs/41']);
  });

  it('are all read after some looks though most have the shell killed, and each look has an end', async () => {
    const others = ['/w/jobs/0', '/w/jobs/25', '/w/jobs/49'];
    for (const directory of DIRECTORIES)
      if (!others.includes(directory)) deadly.set(directory, new SshInterrupted('the command was ended by SIGKILL'));
    const left = new Set(DIRECTORIES);
    for (let looks = 0; looks < 40 && left.size > deadly.size; looks += 1) {
      const startedAt = performance.now();
      const still = new Set(await unread([...left]));
      expect(performance.now() - startedAt).toBeLessThanOrEqual(MINUTE);
      for (const directory of left) if (!still.has(directory)) left.delete(directory);
    }
    expect([...left].sort()).toEqual([...deadly.keys()].sort());
  });

  it('can not be asked for when the connection is gone after the first, which says nothing of the others', async () => {
    let looks = 0;
    const cause = new SshUnavailable('there is no connection');
    const lost = async (directories: readonly string[]) => {
      looks += 1;
      if (looks === 1) throw new SshInterrupted('the connection broke');
      throw looks === 2 ? cause : new Error(`it asked for ${directories.length} more`);
    };
    await expect(together.ask(DIRECTORIES, lost)).rejects.toBe(cause);
    expect(await unread()).toEqual([]);
  });

  it('can not be asked for when each command fails, whatever it asks for', async () => {
    for (const [, cause] of ENDS) {
      together = new Together(20);
      await expect(together.ask(DIRECTORIES, () => Promise.reject(cause))).rejects.toBe(cause);
    }
  });

  it('can not be asked for when the connection is gone or breaks, which says nothing of them', async () => {
    for (const cause of [new SshUnavailable('there is no connection'), new SshInterrupted('the connection broke')]) {
      await expect(together.ask(['/w/jobs/1'], () => Promise.reject(cause))).rejects.toBe(cause);
    }
    expect(await unread(['/w/jobs/1'])).toEqual([]);
  });
});
