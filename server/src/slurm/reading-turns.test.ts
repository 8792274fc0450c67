import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RunOptions } from '../ssh/index.ts';
import { SlurmAdapter } from './adapter.ts';
import { asAsked, queueRow, SETTINGS } from './testing.ts';

const OWNER = '01K00000000000000000000042';
const DIRECTORY = `/w/jobs/${OWNER}`;
const PLACE = { workDir: DIRECTORY, arrayTaskId: 7, attempt: 1 };

/** What a Slurm was asked for: the scripts, and until when each answer keeps others from coming. */
interface Asked {
  readonly kind: string;
  readonly until: AbortSignal | undefined;
}

/** A Slurm that answers each section with the same text, or not at all. `wait`: before each answer. */
function slurmThatSays(output: string, wait: (asked: number) => Promise<void> = async () => {}, exitCode = 0) {
  const asked: Asked[] = [];
  const run = async (script: string, { kind = '', until }: RunOptions) => {
    asked.push({ kind, until });
    await wait(asked.length);
    const answers = [...script.matchAll(/'begin (\S+) (\w+)'/g)].map(
      ([, name, nonce]) =>
        `\nbegin ${name} ${nonce}\n${name === 'claims' ? '' : output}\nend ${name} ${nonce} ${exitCode}\n`,
    );
    return { exitCode, stdout: asAsked(script, answers.join('')), stderr: '' };
  };
  return { slurm: new SlurmAdapter({ run }, SETTINGS), asked };
}

const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => `${line(index)}\n`).join('');
const account = (index: number) =>
  [`7_${index}`, 'FAILED', '1:0', '1700000000', '1700000000', '1700000100', 'n1', 'gpu', 'cpu=1', '10', 'job']
    .concat(DIRECTORY, `sbatch ${DIRECTORY}/job.sh`)
    .map((field) => `${field}\x1frecorded`)
    .join('');

const LONG: readonly [string, string, (slurm: SlurmAdapter) => Promise<unknown>][] = [
  ['the queue', lines(10_000, (index) => queueRow({ JobArrayID: `${index}` }).trim()), ({ queue }) => queue.snapshot()],
  ['the accounting', lines(10_000, account), ({ accounting }) => accounting.read(['7'])],
  ['nodes', lines(10_000, (index) => `NodeName=n${index} State=IDLE CPUTot=8`), ({ inventory }) => inventory.read()],
  [
    'what has begun',
    `${lines(20_000, (index) => `${index}.0.command`)}whole\n`,
    ({ records }) => records.hasBegun([PLACE]),
  ],
];

describe('a long answer keeps others from coming', () => {
  it.each(LONG)('until it is read: of %s', async (_what, output, ask) => {
    const { slurm, asked } = slurmThatSays(output);
    let turns = 0;
    const answer = ask(slurm);
    answer.catch(() => undefined);
    while (asked.length === 0) await nextTurn();
    for (; asked[0]?.until?.aborted === false; turns += 1) await nextTurn();
    expect(turns).toBeGreaterThanOrEqual(5);
    await answer;
    expect(asked.every(({ until }) => until?.aborted === true)).toBe(true);
  });

  it.each<[string, string, (slurm: SlurmAdapter) => Promise<unknown>]>([
    ...LONG,
    ['ends of jobs', '', ({ records }) => records.endMarkers([PLACE])],
    ['claims', '', ({ records }) => records.claimers([PLACE])],
    ['traces', '', ({ submission }) => submission.find(DIRECTORY, OWNER)],
    ['a cancellation', '', ({ control }) => control.cancel(['7'])],
  ])('no longer than until it turns out to be none: of %s', async (_what, _output, ask) => {
    for (const fail of ['cut off', 'refused', 'failed']) {
      const wait = async () => {
        if (fail === 'failed') throw new Error('the connection broke');
      };
      const { slurm, asked } = slurmThatSays(fail === 'cut off' ? '1\x1f' : '', wait, fail === 'refused' ? 1 : 0);
      await ask(slurm).catch(() => undefined);
      expect(asked.length).toBeGreaterThan(0);
      expect(asked.every(({ until }) => until?.aborted !== false)).toBe(true);
    }
  });
});

describe('one look at the queue', () => {
  function gated() {
    const gates: PromiseWithResolvers<void>[] = [];
    const said = slurmThatSays('', () => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return gate.promise;
    });
    return { ...said, gates };
  }
  const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  };
  const looks = (asked: readonly Asked[]) => asked.filter(({ kind }) => kind === 'queue').length;

  it('is shared by all who ask before it begins, and no two go on at a time', async () => {
    const { slurm, asked, gates } = gated();
    const first = slurm.queue.snapshot();
    await settle();
    const others = Array.from({ length: 20 }, () => slurm.queue.snapshot());
    await settle();
    expect(looks(asked)).toBe(1);
    gates[0]?.resolve();
    await first;
    await settle();
    expect(looks(asked)).toBe(2);
    gates[1]?.resolve();
    await Promise.all(others);
    expect(looks(asked)).toBe(2);
  });

  it('never answers who asked after it had begun', async () => {
    const { slurm, asked, gates } = gated();
    const begunBefore: number[] = [];
    const ask = async () => {
      const before = looks(asked);
      const snapshot = await slurm.queue.snapshot();
      begunBefore.push(before);
      return snapshot;
    };
    const first = ask();
    await settle();
    const second = ask();
    gates[0]?.resolve();
    const old = await first;
    await settle();
    const third = ask();
    gates[1]?.resolve();
    const next = await second;
    await settle();
    gates[2]?.resolve();
    const last = await third;
    expect(begunBefore).toEqual([0, 1, 2]);
    expect(new Set([old, next, last]).size).toBe(3);
  });

  it('that looks for a submitted job is one that begins after it was asked for', async () => {
    const { slurm, asked, gates } = gated();
    const poll = slurm.queue.snapshot();
    await settle();
    const found = [1, 2, 3].map(() => slurm.submission.find(DIRECTORY, OWNER));
    await settle();
    for (const gate of gates.slice(1)) gate.resolve();
    await settle();
    expect(looks(asked)).toBe(1);
    gates[0]?.resolve();
    await poll;
    await settle();
    expect(looks(asked)).toBe(2);
    gates.at(-1)?.resolve();
    expect(await Promise.all(found)).toEqual([1, 2, 3].map(() => expect.objectContaining({ slurmJobId: null })));
    expect(looks(asked)).toBe(2);
  });

  it('that fails fails for those who share it, and for nobody else', async () => {
    const { slurm, gates } = gated();
    const first = slurm.queue.snapshot();
    await settle();
    const shared = [slurm.queue.snapshot(), slurm.queue.snapshot()];
    gates[0]?.reject(new Error('the first'));
    await expect(first).rejects.toThrow('the first');
    await settle();
    gates[1]?.resolve();
    for (const one of await Promise.all(shared)) expect(one.observations).toEqual([]);
  });
});
