import { describe, expect, it } from 'vitest';
import { OF_ITSELF, WriteTurns } from './write-turns.ts';

describe('turns to write', () => {
  /** The order in which things begin that are asked for in this order, named by their account and number. */
  async function begun(asked: readonly string[]): Promise<readonly string[]> {
    const turns = new WriteTurns();
    const order: string[] = [];
    let running = 0;
    const work = async (name: string) => {
      running += 1;
      expect(running).toBe(1);
      order.push(name);
      await new Promise(setImmediate);
      running -= 1;
    };
    await Promise.all(asked.map((name) => turns.run(name.split(' ')[0] ?? '', () => work(name))));
    return order;
  }

  it.each<[string, readonly string[], readonly string[]]>([
    ['of one account are taken in its order', ['a 1', 'a 2', 'a 3'], ['a 1', 'a 2', 'a 3']],
    [
      'of accounts come one after the other, however many one has',
      ['a 1', 'a 2', 'a 3', 'b 1', 'c 1'],
      ['a 1', 'b 1', 'c 1', 'a 2', 'a 3'],
    ],
    [
      'come to the server in between',
      ['a 1', 'a 2', 'b 1', `${OF_ITSELF} 1`, `${OF_ITSELF} 2`],
      [`${OF_ITSELF} 1`, 'a 1', `${OF_ITSELF} 2`, 'b 1', 'a 2'],
    ],
    [
      'are never kept by the server',
      [`${OF_ITSELF} 1`, `${OF_ITSELF} 2`, `${OF_ITSELF} 3`, 'a 1'],
      [`${OF_ITSELF} 1`, 'a 1', `${OF_ITSELF} 2`, `${OF_ITSELF} 3`],
    ],
    ['go on when there are none', [], []],
  ])('%s', async (_what, asked, expected) => {
    expect(await begun(asked)).toEqual(expected);
  });

  it('go on after a failure, which is told to whoever asked', async () => {
    const turns = new WriteTurns();
    const failed = turns.run('a', () => Promise.reject(new Error('no')));
    const next = turns.run('a', async () => 'yes');
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('yes');
    expect(await turns.run('b', async () => 'again')).toBe('again');
  });
});
