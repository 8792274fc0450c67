import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countByType, parseGres } from './gres.ts';

const gpusByType = (list: string) => countByType(parseGres(list), 'gpu');

describe('GPUs in a gres list', () => {
  it.each<[string, Record<string, number>, string]>([
    ['gpu:a100:4', { a100: 4 }, 'typed'],
    ['gpu:4', { '': 4 }, 'untyped'],
    ['gpu:a100:3(IDX:0,2-3),gpu:h100:1(IDX:7)', { a100: 3, h100: 1 }, 'commas inside parentheses'],
    ['gpu:a100:4(S:0-1),gpu:h100:2(S:1)', { a100: 4, h100: 2 }, 'sockets'],
    ['gpu:a100:0(IDX:N/A)', { a100: 0 }, 'none in use'],
    ['gpu:(null):2(IDX:0-1)', { '': 2 }, 'untyped with device files, as GresUsed shows them'],
    ['gpu:(null):1(IDX:0),gpu:a100:2(IDX:1-2)', { '': 1, a100: 2 }, 'untyped beside typed'],
    ['gpu:nvidia_h200_nvl_4g.71gb:2(S:0)', { 'nvidia_h200_nvl_4g.71gb': 2 }, 'a MIG slice'],
    ['gpu:a100:1,gpu:a100:3', { a100: 4 }, 'one type in two entries'],
    ['gpu:2K', { '': 2048 }, 'a count in thousands'],
    ['shard:8(S:0),mps:400', {}, 'shards and MPS are slices of the same devices'],
    ['gpu:a100:2(IDX:0-1),shard:a100:8(4/16,4/16)', { a100: 2 }, 'a shard with a comma in its parentheses'],
    ['gpu_memory:80G,gpus:4', {}, 'other names that begin like it'],
    ['craynetwork:4,gpu:v100:1,nic:2', { v100: 1 }, 'among others'],
    ['(null)', {}, 'nothing'],
    ['', {}, 'nothing'],
    ['N/A', {}, 'nothing'],
    ['gpu:a100:many', {}, 'no count'],
  ])('%j is %j: %s', (gres, gpus) => {
    expect(Object.fromEntries(gpusByType(gres))).toEqual(gpus);
  });

  it('are counted the same whichever way Slurm decorates them', () => {
    const type = fc.constantFrom('a100', 'h100', '1g.5gb', 'nvidia_a100-sxm4');
    const entry = fc.record({ type, count: fc.nat(64), decoration: fc.constantFrom('', '(S:0-1)', '(IDX:0,2-3,7)') });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
        const text = entries
          .map(({ type, count, decoration }) => `gpu:${type}:${count}${decoration}`)
          .join(',shard:2,');
        const sums = new Map<string, number>();
        for (const { type, count } of entries) sums.set(type, (sums.get(type) ?? 0) + count);
        expect(gpusByType(text)).toEqual(sums);
      }),
    );
  });
});

describe('devices in a gres list', () => {
  it.each<[string, readonly number[], string]>([
    ['gpu:a100:3(IDX:0,2-3)', [0, 2, 3], 'single ones and ranges'],
    ['gpu:a100:0(IDX:N/A)', [], 'none in use'],
    ['gpu:a100:4(S:0-1)', [], 'sockets are no devices'],
    ['gpu:4', [], 'not told'],
    ['shard:a100:2(IDX:0,2)', [0, 2], 'shards on two devices, as 22.05 shows them'],
    ['shard:a100:7(3/4,0/4,4/4,0/4)', [0, 2], 'shards in use of each device'],
    ['shard:0(0/4)', [], 'no shard in use'],
    ['shard:h100:3(3/4,-/4)', [0], 'shards beside a GPU that is given whole, as 26.05 shows it'],
    ['shard:h100:0(-/4,-/4)', [], 'only GPUs that are given whole'],
    ['gpu:a100:1(IDX:3-1)', [], 'a range that ends before it begins'],
    ['gpu:a100:1(IDX:4096)', [], 'a higher number than any device has'],
    ['gpu:a100:1(IDX:9007199254740992)', [], 'a number to which nothing can be added'],
    ['gpu:a100:1(IDX:9007199254740991-9007199254740993)', [], 'a range that crosses it'],
    [`gpu:a100:1(IDX:1${'0'.repeat(100)})`, [], 'a number of a hundred digits'],
    [`gpu:a100:1(IDX:${'9'.repeat(400)})`, [], 'an infinite number'],
    [`gpu:a100:1(IDX:${'9'.repeat(400)}-${'9'.repeat(401)})`, [], 'a range of infinite numbers'],
    [`gpu:a100:1(IDX:0,1,18446744073709551615)`, [], 'the largest number of 64 bits behind others'],
  ])('%j are %j: %s', (list, devices) => {
    expect(parseGres(list)[0]?.devices).toEqual(devices);
  });

  it('are never more than a machine can hold, whatever a range says', () => {
    expect(parseGres('gpu:1(IDX:0-999999999)')[0]?.devices.length).toBeLessThan(10_000);
  });
});

it('any text at all is a gres list, and none has an endless or negative count', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'gpu:shard,()IDX0123-/KN.=') }), (text) => {
      for (const { count } of parseGres(text)) expect(count).toBeGreaterThanOrEqual(0);
    }),
  );
});
