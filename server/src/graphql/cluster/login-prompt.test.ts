import { graphql } from 'graphql';
import { describe, expect, it, vi } from 'vitest';
import type { UserActor } from '../../domain/actor.ts';
import type { UserRole } from '../../domain/user.ts';
import { schema } from '../schema.ts';
import { alone } from '../testing.ts';
import { Work } from '../work.ts';

const PROMPT = {
  id: 'a-prompt',
  host: 'ada@login',
  name: '',
  instruction: '',
  prompts: [{ text: 'Code:', isSecret: true }],
  isRepeated: false,
  expiresAt: new Date('2026-11-24T12:00:00Z'),
};

function execute(role: UserRole, source: string) {
  const answerLogin = vi.fn(() => 'taken');
  const actor: UserActor = { user: { id: 'ada', name: 'Ada', role }, via: 'TOKEN' };
  const cluster = { settings: { name: 'alpha', host: 'login' }, loginPrompt: PROMPT, answerLogin };
  const work = new Work(alone());
  const contextValue = { actor, work, clusters: { get: (name: string) => (name === 'alpha' ? cluster : null) } };
  return { result: Promise.resolve(graphql({ schema, source, contextValue })), answerLogin };
}

const ANSWER = `mutation {
  answerLogin(input: { cluster: "alpha", promptId: "a-prompt", answers: ["a secret"] }) {
    cluster { name } userErrors { code message path }
  }
}`;
const PROMPTS = '{ cluster(name: "alpha") { loginPrompt { id prompts { text isSecret } } } }';

describe.each(['MEMBER', 'VIEWER'] as const)('to a %s', (role) => {
  it('what a login asks is not shown', async () => {
    expect(await execute(role, PROMPTS).result).toEqual({ data: { cluster: { loginPrompt: null } } });
  });

  it('answering it is forbidden, without a word of the answer', async () => {
    const { result, answerLogin } = execute(role, ANSWER);
    const { data } = await result;
    expect(data).toMatchObject({
      answerLogin: { cluster: null, userErrors: [{ code: 'FORBIDDEN', path: ['input'] }] },
    });
    expect(JSON.stringify(data)).not.toContain('a secret');
    expect(answerLogin).not.toHaveBeenCalled();
  });
});

it('an administrator sees what a login asks, and answers it', async () => {
  expect(await execute('ADMIN', PROMPTS).result).toEqual({
    data: { cluster: { loginPrompt: { id: 'a-prompt', prompts: [{ text: 'Code:', isSecret: true }] } } },
  });
  const { result, answerLogin } = execute('ADMIN', ANSWER);
  expect(await result).toEqual({ data: { answerLogin: { cluster: { name: 'alpha' }, userErrors: [] } } });
  expect(answerLogin).toHaveBeenCalledExactlyOnceWith('a-prompt', ['a secret']);
});
