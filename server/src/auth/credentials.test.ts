import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ADMINISTRATOR, Authenticator, FORGET_SESSION, SESSION_COOKIE, SESSION_SECONDS } from './credentials.ts';

const TOKEN = 'a-token-for-tests-only';
const NOW = new Date('2026-11-24T12:00:00Z');
const anonymous = { kind: 'anonymous', why: expect.stringMatching(/^(missing|malformed|wrong|over)$/) };
let revoked: Map<string, Date>;
let authenticator: Authenticator;

/** Another one with the same memory, as after a restart. */
async function newAuthenticator(token = TOKEN): Promise<Authenticator> {
  const made = new Authenticator(token, {
    current: async () => [...revoked.keys()],
    add: async (id, expiresAt) => void revoked.set(id, expiresAt),
  });
  await made.start();
  return made;
}

const withToken = (authorization: string | undefined, cookie?: string) =>
  authenticator.authenticate({ authorization, cookie });
const withCookie = (cookie: string | undefined) => authenticator.authenticate({ authorization: undefined, cookie });
/** What a browser sends back of a Set-Cookie header. */
const sentBack = (header: string) => header.split(';')[0] ?? '';

beforeEach(async () => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
  revoked = new Map();
  authenticator = await newAuthenticator();
});
afterEach(() => void vi.useRealTimers());

describe('a token', () => {
  it('in the Authorization header makes the administrator', () => {
    expect(withToken(`Bearer ${TOKEN}`)).toEqual({ kind: 'viewer', viewer: ADMINISTRATOR, session: null });
    expect(withToken(`bearer  ${TOKEN}`)).toMatchObject({ kind: 'viewer' });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    TOKEN,
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `Bearer ${TOKEN} ${TOKEN}`,
    `XBearer ${TOKEN}`,
  ])('written as %j makes nobody', (authorization) => {
    expect(withToken(authorization)).toEqual(anonymous);
  });

  it.each([
    ['missing', undefined, undefined],
    ['missing', undefined, 'theme=dark'],
    ['malformed', `Basic ${TOKEN}`, undefined],
    ['malformed', '', undefined],
    ['wrong', 'Bearer wrong', undefined],
    ['over', undefined, `${SESSION_COOKIE}=a.1.b`],
  ])('is told to be %s for %j and the cookie %j', (why, authorization, cookie) => {
    expect(withToken(authorization, cookie)).toEqual({ kind: 'anonymous', why });
  });

  it('that is wrong is not made up for by a cookie that is right', () => {
    const cookie = sentBack(authenticator.sessionCookie(NOW));
    expect(withToken('Bearer wrong', cookie)).toEqual(anonymous);
  });
});

describe('a session', () => {
  it('is a cookie that only this server reads, and only its own pages send', () => {
    const header = authenticator.sessionCookie(NOW);
    expect(header).toMatch(
      new RegExp(`^${SESSION_COOKIE}=[\\w.-]+; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_SECONDS}$`),
    );
    expect(header).not.toContain(TOKEN);
    expect(withCookie(sentBack(header))).toMatchObject({
      kind: 'viewer',
      viewer: ADMINISTRATOR,
      session: { expiresAt: new Date(NOW.getTime() + SESSION_SECONDS * 1000) },
    });
  });

  it('is found among other cookies', () => {
    const cookie = sentBack(authenticator.sessionCookie(NOW));
    expect(withCookie(`a=b; x${cookie}; ${cookie};c=d`)).toMatchObject({ kind: 'viewer' });
  });

  it('ends after its time', () => {
    const cookie = sentBack(authenticator.sessionCookie(NOW));
    vi.setSystemTime(NOW.getTime() + SESSION_SECONDS * 1000 - 1);
    expect(withCookie(cookie)).toMatchObject({ kind: 'viewer' });
    vi.setSystemTime(NOW.getTime() + SESSION_SECONDS * 1000);
    expect(withCookie(cookie)).toEqual(anonymous);
  });

  it('ends with the token that it came from', async () => {
    const cookie = sentBack((await newAuthenticator('another-token-altogether')).sessionCookie(NOW));
    expect(withCookie(cookie)).toEqual(anonymous);
  });

  it('cannot be made longer or made up', () => {
    const cookie = sentBack(authenticator.sessionCookie(NOW));
    const [id = '', expiry = '', signature = ''] = cookie.slice(SESSION_COOKIE.length + 1).split('.');
    for (const value of [
      `${id}.${Number(expiry) + 1}.${signature}`,
      `${id}x.${expiry}.${signature}`,
      `${id}.${expiry}.${signature.slice(0, -1)}`,
      `${id}.${expiry}.`,
      `${expiry}.${signature}`,
      `..${signature}`,
      expiry,
      '',
      `${id}.9999999999.${'A'.repeat(43)}`,
    ]) {
      expect(withCookie(`${SESSION_COOKIE}=${value}`)).toEqual(anonymous);
    }
  });

  it('that is ended is over for every copy of its cookie, after a restart too, and for no other session', async () => {
    const cookie = sentBack(authenticator.sessionCookie(NOW));
    const other = sentBack(authenticator.sessionCookie(NOW));
    const verdict = withCookie(cookie);
    const session = verdict.kind === 'viewer' ? verdict.session : null;
    if (session === null) throw new Error('no session');
    expect(authenticator.isCurrent(session)).toBe(true);
    await authenticator.revoke(cookie);
    expect(authenticator.isCurrent(session)).toBe(false);
    expect(withCookie(cookie)).toEqual(anonymous);
    expect(withCookie(other)).toMatchObject({ kind: 'viewer' });
    authenticator = await newAuthenticator();
    expect(withCookie(cookie)).toEqual(anonymous);
    expect(revoked).toEqual(new Map([[session.id, session.expiresAt]]));
  });

  it('is taken back by an empty cookie that is over', () => {
    expect(FORGET_SESSION).toContain('Max-Age=0');
    expect(withCookie(sentBack(FORGET_SESSION))).toEqual(anonymous);
  });
});
