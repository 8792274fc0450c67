import { beforeEach, describe, expect, it } from 'vitest';
import type { PlannedHop } from './dial/dial.ts';
import { refused, refusedForNow, unreachable } from './dial/failure.ts';
import { type LoginMemory, ReconnectPolicy } from './reconnect-policy.ts';
import { USUAL_TIMING } from './timing.ts';

const KEYS = new Map([
  ['ada@jump', 'SHA256:one'],
  ['ada@login', 'SHA256:two'],
]);
const JUMP: PlannedHop = { label: 'ada@jump', keys: ['SHA256:one', 'SHA256:two'], isKeyNamed: false };
const LOGIN: PlannedHop = { label: 'ada@login', keys: ['SHA256:two'], isKeyNamed: true };
const HOPS = [JUMP, LOGIN];
const AWAY = refusedForNow('no key was taken', 'The home may be away.');
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
    expect(policy.failed(AWAY)).toEqual({
      state: { status: 'refused', message: 'no key was taken', retryAt: null },
      retryMs: null,
    });
  });

  it('and worked by keys alone is tried again when it is refused, with the keys that worked and nothing else', () => {
    policy.loggedIn(false, KEYS);
    expect(policy.login(false, HOPS)).toEqual({ mayAsk: false, onlyKeys: null });
    const { state, retryMs } = policy.failed(AWAY);
    expect(state).toMatchObject({ status: 'refused', message: expect.stringContaining('The home may be away.') });
    expect(retryMs).toBeGreaterThanOrEqual(USUAL_TIMING.refusedRetryMs * 0.8);
    expect(policy.login(false, HOPS)).toEqual({ mayAsk: false, onlyKeys: KEYS });
    expect(policy.login(true, HOPS)).toEqual({ mayAsk: true, onlyKeys: null });
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

describe('after a restart', () => {
  /** What is kept, as each start finds it. */
  let worked: LoginMemory['worked'];
  beforeEach(() => {
    worked = null;
  });
  const restarted = () =>
    new ReconnectPolicy(undefined, USUAL_TIMING, {
      worked,
      keep: (keys) => {
        worked = keys;
      },
    });

  it('a login that worked by keys alone is begun as ever, but asks nobody, and is tried again when it is refused', () => {
    restarted().loggedIn(false, KEYS);
    const next = restarted();
    expect(next.login(false, HOPS)).toEqual({ mayAsk: false, onlyKeys: null });
    const { state, retryMs } = next.failed(AWAY);
    expect(state).toMatchObject({ status: 'refused', retryAt: expect.any(Date) });
    expect(retryMs).toBeGreaterThanOrEqual(USUAL_TIMING.refusedRetryMs * 0.8);
    expect(next.login(false, HOPS)).toEqual({ mayAsk: false, onlyKeys: KEYS });
    // However often: each start has one attempt, and waits as long for the second.
    expect(restarted().failed(AWAY).retryMs).toBeGreaterThanOrEqual(USUAL_TIMING.refusedRetryMs * 0.8);
  });

  it('one that has worked while a key of an agent is away is still believed', () => {
    restarted().loggedIn(false, KEYS);
    const next = restarted();
    expect(next.login(false, [{ ...JUMP, keys: ['SHA256:three'] }, LOGIN]).mayAsk).toBe(false);
    expect(next.failed(AWAY).retryMs).not.toBeNull();
  });

  it.each<[string, (policy: ReconnectPolicy) => void]>([
    ['never worked', () => {}],
    ['asked a person, who let it in', (policy) => policy.loggedIn(true, KEYS)],
    ['was let in without a key', (policy) => policy.loggedIn(false, null)],
    [
      'worked, and asks a person since',
      (policy) => {
        policy.loggedIn(false, KEYS);
        policy.asked();
      },
    ],
  ])('one that %s is left to a person', (_what, before) => {
    before(restarted());
    expect(worked).toBeNull();
    const next = restarted();
    expect(next.login(false, HOPS)).toEqual({ mayAsk: true, onlyKeys: null });
    expect(next.failed(AWAY)).toMatchObject({ state: { retryAt: null }, retryMs: null });
  });

  it.each<[string, readonly PlannedHop[]]>([
    ['another user', [JUMP, { ...LOGIN, label: 'bob@login' }]],
    ['another host', [JUMP, { ...LOGIN, label: 'ada@other' }]],
    ['another port', [JUMP, { ...LOGIN, label: 'ada@login:2222' }]],
    ['another jump host', [{ ...JUMP, label: 'ada@gate' }, LOGIN]],
    ['no jump host', [LOGIN]],
    ['one more jump host', [{ ...JUMP, label: 'ada@gate' }, JUMP, LOGIN]],
    ['another key in clusters.yaml', [JUMP, { ...LOGIN, keys: ['SHA256:three'] }]],
  ])('one with %s is left to a person, and what worked is forgotten', (_what, hops) => {
    restarted().loggedIn(false, KEYS);
    const next = restarted();
    expect(next.login(false, hops)).toEqual({ mayAsk: true, onlyKeys: null });
    expect(next.failed(AWAY)).toMatchObject({ state: { retryAt: null }, retryMs: null });
    expect(worked).toBeNull();
  });

  it('nothing is stored again while the same keys work', () => {
    restarted().loggedIn(false, KEYS);
    const kept = worked;
    restarted().loggedIn(false, new Map(KEYS));
    expect(worked).toBe(kept);
  });
});

it('a login that was refused asks nobody by itself, nor once it leads elsewhere', () => {
  policy.loggedIn(false, KEYS);
  policy.failed(AWAY);
  expect(policy.login(false, [JUMP, { ...LOGIN, label: 'bob@login' }])).toEqual({ mayAsk: false, onlyKeys: null });
  expect(policy.failed(AWAY).retryMs).toBeNull();
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
