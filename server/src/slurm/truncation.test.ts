import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommandResult } from '../ssh/index.ts';
import { SlurmAdapter } from './adapter.ts';
import { parseQueue } from './parse/queue.ts';
import type { Runner } from './runner.ts';
import { asAsked, everyJob, fixture } from './testing.ts';

const OUTPUTS: Readonly<Record<string, string>> = {
  clock: '1795494600',
  queue: fixture('queue-later.txt'),
  accounting: fixture('accounting.txt'),
  partitions: fixture('partitions.txt'),
  nodes: fixture('nodes.txt'),
};

/** A login that answers with what a real Slurm printed, up to `share` of all its bytes, and ends well all the same. */
class CuttingLogin implements Runner {
  share = 1;
  /** How many bytes the last answer had, whole. */
  bytes = 0;

  async run(script: string): Promise<CommandResult> {
    const answer = [...script.matchAll(/'begin (\S+) ([0-9a-f]{24})'/g)]
      .map(([, name = '', nonce]) => `\nbegin ${name} ${nonce}\n${OUTPUTS[name]}\nend ${name} ${nonce} 0\n`)
      .join('');
    const whole = asAsked(script, answer);
    this.bytes = whole.length;
    return { exitCode: 0, stdout: whole.slice(0, Math.floor(whole.length * this.share)), stderr: '' };
  }
}

const login = new CuttingLogin();
const slurm = new SlurmAdapter(login, {
  name: 'alpha',
  host: 'login',
  workspace: '~/slurmql',
  gpuRequest: 'gres',
  pollIntervalSeconds: 30,
  gpuCacheSeconds: 60,
});
const QUESTIONS = {
  squeue: async () => everyJob(await slurm.queue.snapshot()),
  sacct: async () => {
    const answer = await slurm.accounting.read(['1']);
    if (answer.kind !== 'read') throw new Error(answer.kind);
    return answer.accounts;
  },
  'scontrol show': async () => (await slurm.inventory.read()).nodes,
} as const;

describe.each(Object.entries(QUESTIONS))('the answer of %s', (_name, ask) => {
  it('tells something when it is whole', async () => {
    login.share = 1;
    expect(await ask()).not.toEqual([]);
  });

  it('tells nothing at all when it is cut off, wherever that is', async () => {
    login.share = 1;
    await ask();
    const { bytes } = login;
    const refuses = async (length: number) => {
      login.share = length / bytes;
      await expect(ask()).rejects.toThrow();
    };
    // Its last bytes are the frame's, where a cut is least noticed.
    for (let length = bytes - 60; length < bytes; length += 1) await refuses(length);
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: bytes - 1 }), refuses), { numRuns: 200 });
  });
});

it('rows of squeue that are cut off tell nothing that the whole ones do not', () => {
  const rows = fixture('queue-later.txt');
  const observations = (text: string) => everyJob(parseQueue(text)).map((seen) => JSON.stringify(seen));
  const whole = new Set(observations(rows));
  expect(whole.size).toBeGreaterThan(20);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: rows.length - 1 }), (length) => {
      expect(observations(rows.slice(0, length)).filter((seen) => !whole.has(seen))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
