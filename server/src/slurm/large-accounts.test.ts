import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { SshOutputTooLarge } from '../ssh/index.ts';
import { SlurmAdapter } from './adapter.ts';
import type { Accounting } from './slurm.ts';
import { asAsked } from './testing.ts';

const OWNER = '01K00000000000000000000042';
const DIRECTORY = `/w/jobs/${OWNER}`;

function account(id: string, submitted = 1_700_000_000): string {
  const [times, run] = [
    [`${submitted}`, '1700000000', '1700000100'],
    ['n1', 'gpu', 'cpu=1', '10', 'job'],
  ];
  return rowOf([id, 'FAILED', '1:0', ...times, ...run, DIRECTORY, `sbatch ${DIRECTORY}/job.sh`]);
}

const rowOf = (fields: readonly string[]) => `${fields.map((field) => `${field}\x1frecorded`).join('')}\n`;

/** The accounts of a Slurm that answers for each list of numbers. */
function accountsOf(answer: (numbers: readonly string[]) => string) {
  const questions: (readonly string[])[] = [];
  const { accounting } = new SlurmAdapter(
    {
      run: async (script) => {
        const numbers = /--jobs='([\d,]+)'/.exec(script)?.[1]?.split(',') ?? [];
        questions.push(numbers);
        const nonce = /'begin accounting (\w+)'/.exec(script)?.[1];
        const stdout = `\nbegin accounting ${nonce}\n${answer(numbers)}\nend accounting ${nonce} 0\n`;
        return { exitCode: 0, stdout: asAsked(script, stdout), stderr: '' };
      },
    },
    {
      ...{ name: 'alpha', host: 'login', workspace: '~/slurmql' },
      ...{ gpuRequest: 'gres', pollIntervalSeconds: 30, gpuCacheSeconds: 60 },
    },
  );
  const read = async (slurmJobIds: readonly string[]) => {
    const found = await accounting.read(slurmJobIds);
    if (found.kind !== 'read') throw new Error(JSON.stringify(found));
    return found;
  };
  return { read, questions };
}

type Read = Extract<Accounting, { readonly kind: 'read' }>;

const found = ({ accounts }: Read) => accounts.map(({ latest }) => latest.slurmJobId);
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}`);
/** More tasks than are kept together. */
const tooMany = (number: string) => account(`${number}_[0-49999]`).repeat(11);

describe('an account in a large answer', () => {
  it('is taken only if its number was asked for', async () => {
    const { read } = accountsOf(() => ['7_1', '8+0', '9', '10', '70', '7'].map((id) => account(id)).join(''));
    expect(found(await read(['7_3', '8']))).toEqual(['7_1', '8', '7']);
  });

  it('does not stop others from being read, whatever its size', async () => {
    const { read } = accountsOf((numbers) =>
      numbers.map((number) => (number === '7' ? tooMany(number) : account(number))).join(''),
    );
    const answer = await read(numbered(450));
    expect(found(answer).toSorted()).toEqual(
      numbered(450)
        .filter((number) => number !== '7')
        .toSorted(),
    );
    expect(answer).toMatchObject({
      unread: new Set(['7']),
      fault: 'the answer tells of more than 500,000 jobs and tasks',
    });
  });

  it('does not stop others where it is longer than one command may print', async () => {
    const { read } = accountsOf((numbers) => {
      if (numbers.includes('7')) throw new SshOutputTooLarge('the command printed more than 9 bytes');
      return numbers.map((number) => account(number)).join('');
    });
    const answer = await read(numbered(250));
    expect(found(answer)).toHaveLength(249);
    expect(answer).toMatchObject({ unread: new Set(['7']), fault: 'the command printed more than 9 bytes' });
  });

  it.each([
    ['rows that are none', rowOf(Array<string>(13).fill('')).repeat(500_000)],
    ['tasks in few rows', tooMany('7')],
    ['rows of other jobs', account('8').repeat(500_000)],
  ])('has no place among too many %s', async (_what, rows) => {
    const { read } = accountsOf(() => `${account('7')}${rows}`);
    expect(await read(['7'])).toMatchObject({ accounts: [], unread: new Set(['7']), fault: expect.any(String) });
  });

  it('is not read where its row is longer than any, and is read among lines that are no rows', async () => {
    const long = account('7').replace('job', 'x'.repeat(1024 ** 2 + 1));
    const { read } = accountsOf(() => `${'\n'.repeat(600_000)}${long}${'noise\n'.repeat(600_000)}${account('8')}`);
    const answer = await read(['7', '8']);
    expect(found(answer)).toEqual(['8']);
    expect(answer).toMatchObject({ unread: new Set(['7']), fault: null });
  });

  it('is that of no job with more rows than restarts', async () => {
    const { read } = accountsOf(() => account('7').repeat(65_537) + account('8').repeat(65_536));
    const answer = await read(['7', '8']);
    expect(found(answer)).toEqual(['8']);
    expect(answer).toMatchObject({ unread: new Set(['7']), fault: null });
    expect(answer.accounts[0]).toMatchObject({ latest: { attempt: 65_536 }, closed: { length: 1000 } });
  });
});

it('an account keeps nothing else of a large answer in memory', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  // Of a Buffer, as all that comes over SSH.
  const rest = Buffer.alloc(8 * 1024 ** 2, `${'x'.repeat(100_000)}\n`).toString('latin1');
  const { read } = accountsOf(([number = '']) => `${account(number).replace('n1', 'node'.repeat(10))}${rest}\n`);
  const kept: unknown[] = [];
  for (const number of numbered(10)) kept.push(...(await read([number])).accounts);
  collect();
  expect(kept).toHaveLength(10);
  const { heapUsed, external } = process.memoryUsage();
  const before = heapUsed + external;
  kept.length = 0;
  collect();
  const after = process.memoryUsage();
  expect(before - after.heapUsed - after.external).toBeLessThan(16 * 1024 ** 2);
});

describe('accounts that are too many to be kept together', () => {
  it('are read a part at a time, and each in its turn', async () => {
    // The second one is too large by itself.
    const { read } = accountsOf((numbers) =>
      numbers.map((number) => (number === '2' ? tooMany(number) : account(`${number}_[0-49999]`).repeat(6))).join(''),
    );
    const numbersOf = (answer: Read) => [...new Set(found(answer).map((id) => id.split('_')[0]))];
    const [first, second] = [await read(numbered(3)), await read(numbered(3))];
    expect([first, second].map(numbersOf)).toEqual([['1'], ['3']]);
    expect([first.unread, second.unread]).toEqual([new Set(['2', '3']), new Set(['1', '2'])]);
    for (const { fault } of [first, second]) {
      expect(fault).toBe('the answer tells of more than 500,000 jobs and tasks');
    }
  });

  it('cost no more than a few questions, if every answer is too large', async () => {
    const { read, questions } = accountsOf(() => {
      throw new SshOutputTooLarge('the command printed more than 9 bytes');
    });
    const answer = await read(numbered(5000));
    expect(answer).toMatchObject({ accounts: [], unread: new Set(numbered(5000)) });
    expect(questions).toHaveLength(10);
  });
});
