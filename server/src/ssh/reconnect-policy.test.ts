import { beforeEach, describe, expect, it } from 'vitest';
import { refused, refusedForNow, unreachable } from './dial/failure.ts';
import { ReconnectPolicy } from './reconnect-policy.ts';
import { USUAL_TIMING } from './timing.ts';

const KEYS = new Map([['login', 'id_ed25519']]);
const STEADY_MS = USUAL_TIMING.steadyAfterMs;

let policy: ReconnectPolicy;
beforeEach(() => {
  policy = new ReconnectPolicy('Is the VPN on?', USUAL_TIMING);
});

describe('a login that failed', () => {
  it('for want of the server is tried again ever more rarely, with the words of the administrator', () => {
    const waits = Array.from({ length: 4 }, () => policy.failed(unreachable('no route')).retryMs ?? 0);
    expect(waits).toEqual([...waits].sort((left, right) => left - right));
    expect(policy.failed(unreachable('no route')).state).toMatchObject({
      status: 'unreachable',
      message: 'no route. Is the VPN on?',
    });
  });

  it('and never worked is left to a person once it is refused', () => {
    expect(policy.failed(refusedForNow('no key was taken', 'The home may be away.'))).toEqual({
      state: { status: 'refused', message: 'no key was taken', retryAt: null },
      retryMs: null,
    });
  });

  it('and worked by keys alone is tried again when it is refused, with the keys that worked and nothing else', () => {
    policy.loggedIn(false, KEYS);
    expect(policy.login(false)).toEqual({ mayAsk: false, onlyKeys: undefined });
    const { state, retryMs } = policy.failed(refusedForNow('no key was taken', 'The home may be away.'));
    expect(state).toMatchObject({ status: 'refused', message: expect.stringContaining('The home may be away.') });
    expect(retryMs).toBeGreaterThanOrEqual(USUAL_TIMING.refusedRetryMs * 0.8);
    expect(policy.login(false)).toEqual({ mayAsk: false, onlyKeys: KEYS });
    expect(policy.login(true)).toEqual({ mayAsk: true, onlyKeys: undefined });
  });

  it('for good, as by its host key, is never tried again by itself', () => {
    policy.loggedIn(false, KEYS);
    expect(policy.failed(refused('the host key is another one')).retryMs).toBeNull();
  });

  it('and asks a person is never tried again by itself, whatever it failed for', () => {
    policy.asked();
    for (const failure of [unreachable('no route'), refusedForNow('wrong code', 'Try again.')]) {
      expect(policy.failed(failure)).toMatchObject({ state: { status: 'refused', retryAt: null }, retryMs: null });
    }
  });
});

describe('a connection that was lost', () => {
  it('after it held for long is made again at once, however often', () => {
    policy.loggedIn(false, KEYS);
    for (let count = 0; count < 5; count += 1) expect(policy.lost(STEADY_MS, false)).toBe(true);
  });

  it.each([
    ['soon', 0, false],
    ['because too much hung on it', STEADY_MS, true],
  ])('%s is made again at once, but not twice in a row', (_why, heldMs, isExhausted) => {
    policy.loggedIn(false, KEYS);
    expect(policy.lost(heldMs, isExhausted)).toBe(true);
    expect(policy.lost(heldMs, isExhausted)).toBe(false);
  });

  it('and whose login asks a person is not made again without one', () => {
    policy.loggedIn(true, null);
    expect(policy.lost(STEADY_MS, false)).toBe(false);
  });
});
