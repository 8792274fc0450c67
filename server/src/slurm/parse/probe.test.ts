import { describe, expect, it } from 'vitest';
import { UnreadableAnswer } from '../errors.ts';
import { parseConfiguration, parseSearch } from './probe.ts';

describe('the search for sbatch', () => {
  it('is of the variables that are asked for', () => {
    expect(parseSearch('login\nLD_LIBRARY_PATH=/l\nSLURM_CONF=/c\nPATH=/p\n')).toEqual({
      foundBy: 'login-shell',
      variables: { LD_LIBRARY_PATH: '/l', SLURM_CONF: '/c', PATH: '/p' },
    });
  });

  it.each([
    ['lines without an end', `path${'\n'.repeat(600_000)}end`],
    ['variables without an end', `bash\n${'PATH=/bin\n'.repeat(60_000)}`],
    ['a variable without an end', `bash\nPATH=${'a'.repeat(200_000)}\n`],
  ])('is unreadable where it prints %s', (_what, output) => {
    expect(() => parseSearch(output)).toThrow(UnreadableAnswer);
  });
});

describe('the configuration', () => {
  const page = (count: number) => `ClusterName = alpha\n${'A = b\n'.repeat(count)}`;

  it('is read among many lines, and unreadable without an end', () => {
    expect(parseConfiguration(page(10_000))?.clusterName).toBe('alpha');
    expect(() => parseConfiguration(page(200_000))).toThrow(UnreadableAnswer);
    expect(() => parseConfiguration('\n'.repeat(2_000_000))).toThrow(UnreadableAnswer);
  });
});
