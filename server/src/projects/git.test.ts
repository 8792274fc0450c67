import { afterEach, expect, it } from 'vitest';
import { gitVersion, setGitEnvironment } from './index.ts';
import { takeGitEnvironment } from './testing.ts';

afterEach(takeGitEnvironment);

it('is looked for on the PATH that it was given', async () => {
  takeGitEnvironment();
  expect(await gitVersion()).toMatch(/^\d+\.\d+/);
  setGitEnvironment({ PATH: '/nowhere' });
  await expect(gitVersion()).rejects.toThrow('git is not installed');
});
