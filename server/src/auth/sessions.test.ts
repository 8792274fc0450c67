import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LONGEST_SESSION_SECONDS, SESSION_SECONDS, Sessions } from './sessions.ts';

const TOKEN = 'a-token-for-tests-only';
const NOW = new Date('2026-11-24T12:00:00Z');
const DAY = 24 * 3600;
const inSeconds = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);

let revoked: Map<string, Date>;
let sessions: Sessions;

/** Another one with the same memory, as after a restart. */
async function newSessions(token = TOKEN, secret = 'a secret'): Promise<Sessions> {
  return Sessions.open(token, {
    secret: async () => secret,
    ended: async () => [...revoked.keys()],
    end: async (id, expiresAt) => void revoked.set(id, expiresAt),
  });
}

beforeEach(async () => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
  revoked = new Map();
  sessions = await newSessions();
});
afterEach(() => void vi.useRealTimers());

/** What a cookie stands for. */
function read(cookie: string) {
  const session = sessions.read(cookie);
  if (session === null) throw new Error('no session');
  return session;
}

describe('a session', () => {
  it('has a cookie and a key, which belong together and hold nothing of the token', () => {
    const { cookie, key } = sessions.open(NOW);
    expect(cookie).toMatch(/^[\w.-]+$/);
    expect(`${cookie} ${key}`).not.toContain(TOKEN);
    expect(read(cookie)).toMatchObject({
      beganAt: NOW,
      expiresAt: inSeconds(SESSION_SECONDS),
      renewAt: inSeconds(DAY),
    });
    expect(sessions.isKey(read(cookie), key)).toBe(true);
    const other = sessions.open(NOW);
    for (const wrong of ['', key.slice(1), `${key}x`, key.toUpperCase(), cookie, other.key]) {
      expect(sessions.isKey(read(cookie), wrong)).toBe(false);
    }
  });

  it('ends after its time', () => {
    const { cookie } = sessions.open(NOW);
    vi.setSystemTime(inSeconds(SESSION_SECONDS).getTime() - 1);
    expect(sessions.read(cookie)).not.toBeNull();
    vi.setSystemTime(inSeconds(SESSION_SECONDS));
    expect(sessions.read(cookie)).toBeNull();
  });

  it('that is used goes on with the same key, but not for ever', () => {
    let { cookie, key } = sessions.open(NOW);
    let seconds = 0;
    for (;;) {
      const session = read(cookie);
      expect(sessions.isKey(session, key)).toBe(true);
      if (session.renewAt >= session.expiresAt) break;
      seconds = (session.renewAt.getTime() - NOW.getTime()) / 1000;
      vi.setSystemTime(inSeconds(seconds));
      cookie = sessions.renewed(session, new Date());
    }
    expect(read(cookie).expiresAt).toEqual(inSeconds(LONGEST_SESSION_SECONDS));
    vi.setSystemTime(inSeconds(LONGEST_SESSION_SECONDS));
    expect(sessions.read(cookie)).toBeNull();
  });

  it('ends with the token that it came from', async () => {
    const { cookie, key } = (await newSessions('another-token-altogether')).open(NOW);
    expect(sessions.read(cookie)).toBeNull();
    expect(sessions.isKey(read(sessions.open(NOW).cookie), key)).toBe(false);
  });

  it("can't be made up by somebody who knows the token", async () => {
    const { cookie, key } = (await newSessions(TOKEN, 'another secret')).open(NOW);
    expect(sessions.read(cookie)).toBeNull();
    expect(sessions.isKey(read(sessions.open(NOW).cookie), key)).toBe(false);
  });

  it('cannot be made longer or made up', () => {
    const [id = '', began = '', expiry = '', signature = ''] = sessions.open(NOW).cookie.split('.');
    for (const cookie of [
      `${id}.${began}.${Number(expiry) + 1}.${signature}`,
      `${id}.${Number(began) + 1}.${expiry}.${signature}`,
      `${id}x.${began}.${expiry}.${signature}`,
      `${id}.${began}.${expiry}.${signature.slice(0, -1)}`,
      `${id}.${began}.${expiry}.`,
      `${id}.${expiry}.${signature}`,
      `...${signature}`,
      expiry,
      '',
      `${id}.0.9999999999.${'A'.repeat(43)}`,
    ]) {
      expect(sessions.read(cookie)).toBeNull();
    }
  });

  it('that is ended while the clock is ahead is over once that is right, after a restart too', async () => {
    const { cookie, key } = sessions.open(NOW);
    vi.setSystemTime(inSeconds(SESSION_SECONDS + DAY));
    await sessions.end(cookie, key);
    vi.setSystemTime(NOW);
    expect(sessions.read(cookie)).toBeNull();
    expect((await newSessions()).read(cookie)).toBeNull();
  });

  it('that is ended is over for every cookie of it, after a restart too, and no other one is', async () => {
    const { cookie, key } = sessions.open(NOW);
    const other = sessions.open(NOW);
    const session = read(cookie);
    const later = sessions.renewed(session, inSeconds(2 * DAY));
    await sessions.end(cookie, 'not the key');
    expect(sessions.isCurrent(session)).toBe(true);
    await sessions.end(cookie, key);
    expect(sessions.isCurrent(session)).toBe(false);
    expect([sessions.read(cookie), sessions.read(later)]).toEqual([null, null]);
    expect(sessions.read(other.cookie)).not.toBeNull();
    sessions = await newSessions();
    expect([sessions.read(cookie), sessions.read(later)]).toEqual([null, null]);
    // For as long as any of its cookies could have been renewed.
    expect(revoked).toEqual(new Map([[session.id, inSeconds(LONGEST_SESSION_SECONDS)]]));
  });
});
