import { describe, expect, it } from 'vitest';
import { autocompleteFor, loginPhase } from './login.ts';

const loginPrompt = {
  id: 'first',
  host: 'ada@login',
  name: '',
  instruction: '',
  prompts: [{ text: 'Verification code:', isSecret: true }],
  isRepeated: false,
  expiresAt: '2026-11-24T12:00:00Z',
};
const refused = { status: 'AUTH_REQUIRED', statusMessage: 'It was wrong.', loginPrompt: null } as const;
const asking = { status: 'AUTH_REQUIRED', statusMessage: 'It asks.', loginPrompt } as const;
const connecting = { status: 'CONNECTING', statusMessage: null, loginPrompt: null } as const;

describe('a login', () => {
  it('shows what is asked until that is answered, then waits for the verdict', () => {
    expect(loginPhase(asking, null, false)).toEqual({ kind: 'asked', prompt: loginPrompt });
    expect(loginPhase(asking, 'first', false)).toEqual({ kind: 'checking' });
    expect(loginPhase(connecting, 'first', false)).toEqual({ kind: 'checking' });
  });

  it('shows the next question though one was answered', () => {
    const next = { ...asking, loginPrompt: { ...loginPrompt, id: 'second' } };
    expect(loginPhase(next, 'first', false)).toMatchObject({ kind: 'asked', prompt: { id: 'second' } });
  });

  it('takes what was told before it began for no outcome of its own', () => {
    expect(loginPhase(refused, null, true)).toEqual({ kind: 'connecting' });
    expect(loginPhase(refused, null, false)).toEqual({ kind: 'failed', message: 'It was wrong.' });
    expect(loginPhase(connecting, null, false)).toEqual({ kind: 'connecting' });
  });

  it.each(['ONLINE', 'DEGRADED'] as const)('is done once the cluster is %s', (status) => {
    expect(loginPhase({ ...connecting, status }, 'first', false)).toEqual({ kind: 'done' });
  });
});

it.each([
  ['Verification code:', 'one-time-code'],
  ['Passcode or option (1-3):', 'one-time-code'],
  ['Enter your OTP', 'one-time-code'],
  ["ada@login's password:", 'off'],
  ['Favourite colour?', 'off'],
])('of %j a browser fills in: %s', (text, expected) => {
  expect(autocompleteFor(text)).toBe(expected);
});
