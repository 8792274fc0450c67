import { describe, expect, it } from 'vitest';
import { Lanes } from './lanes.ts';
import { Places } from './places.ts';

/** Work that is begun in its turn, and ends when it is told to. */
class Works {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, () => void>();

  start(name: string, run: (work: () => Promise<void>) => Promise<void>): void {
    void run(async () => {
      this.begun.push(name);
      await new Promise<void>((resolve) => this.#ends.set(name, resolve));
    });
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await settled();
  }
}

/** What follows from what has ended by now has begun. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('those that wait for a place', () => {
  function places(options: ConstructorParameters<typeof Places>[0]) {
    const all = new Places(options);
    const works = new Works();
    const start = (...names: readonly string[]) => {
      for (const name of names) works.start(name, (work) => all.run(name.charAt(0), work));
    };
    return { works, start };
  }

  it.each<[string, number, readonly string[]]>([
    ['one place', 1, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4', 'a5']],
    ['two', 2, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4', 'a5']],
    ['three', 3, ['a1', 'a2', 'a3', 'b1', 'c1', 'a4', 'b2', 'a5']],
  ])('take turns by owner, and come in order in each: %s', async (_what, inAll, order) => {
    const { works, start } = places({ ofOwner: inAll, inAll });
    start('a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'b2', 'c1');
    await settled();
    for (let ended = 0; ended < 8; ended += 1) await works.end(works.begun[ended] ?? '');
    expect(works.begun).toEqual(order);
  });

  it('come before those who have one, also when another of theirs waits for longer', async () => {
    const { works, start } = places({ ofOwner: 3, inAll: 3 });
    start('a1', 'a2', 'b1', 'a3', 'b2', 'c1');
    await settled();
    await works.end('b1');
    expect(works.begun).toEqual(['a1', 'a2', 'b1', 'c1']);
  });

  it('are told that they have waited for long enough, and take no place then', async () => {
    const all = new Places({ ofOwner: 1, inAll: 1, patienceMs: 0, busy: 'too busy' });
    const place = await all.take('a');
    await expect(all.take('b')).rejects.toThrow('too busy');
    place.leave();
    (await all.take('c')).leave();
  });
});

describe('lanes', () => {
  it('let a job of another project begin before the rest of many', async () => {
    const lanes = new Lanes({ small: 2, large: 2 });
    for (const isLong of [false, true]) {
      const works = new Works();
      const start = (name: string, project: string) => works.start(name, (work) => lanes.run(project, isLong, work));
      for (let count = 1; count <= 20; count += 1) start(`sweep-${count}`, 'one');
      start('other', 'another');
      await settled();
      expect(works.begun).toEqual(['sweep-1', 'sweep-2']);
      await works.end('sweep-1');
      expect(works.begun).toEqual(['sweep-1', 'sweep-2', 'other']);
      await works.end('other');
      for (let count = 2; count <= 20; count += 1) await works.end(`sweep-${count}`);
      expect(works.begun).toHaveLength(21);
    }
  });
});
