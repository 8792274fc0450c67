import { describe, expect, it } from 'vitest';
import { ADMINISTRATOR, Authenticator } from './credentials.ts';

const TOKEN = 'a-token-for-tests-only';
const anonymous = { kind: 'anonymous', why: expect.stringMatching(/^(missing|malformed|wrong|over|forged|keyless)$/) };
const authenticator = await Authenticator.open(TOKEN, {
  secret: async () => 'a secret',
  ended: async () => [],
  end: async () => undefined,
});

const whoIs = (authorization?: string, cookie?: string, key?: string) =>
  authenticator.authenticate({ authorization, cookies: cookie === undefined ? [] : [cookie], key });

describe('a token', () => {
  it('in the Authorization header makes the administrator', () => {
    expect(whoIs(`Bearer ${TOKEN}`)).toEqual({ kind: 'viewer', viewer: ADMINISTRATOR, session: null });
    expect(whoIs(`bearer  ${TOKEN}`)).toMatchObject({ kind: 'viewer' });
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
    expect(whoIs(authorization)).toEqual(anonymous);
  });

  it.each([
    ['missing', undefined, undefined],
    ['malformed', `Basic ${TOKEN}`, undefined],
    ['malformed', '', undefined],
    ['wrong', 'Bearer wrong', undefined],
    ['forged', undefined, 'a.1.2.b'],
    ['forged', undefined, ''],
  ])('is told to be %s for %j and the cookie %j', (why, authorization, cookie) => {
    expect(whoIs(authorization, cookie)).toEqual({ kind: 'anonymous', why });
  });

  it('that is wrong is not made up for by a session that is right', () => {
    const { cookie, key } = authenticator.sessions.open(new Date());
    expect(whoIs('Bearer wrong', cookie, key)).toEqual(anonymous);
  });
});

describe('a session', () => {
  it('takes both its halves', () => {
    const { cookie, key } = authenticator.sessions.open(new Date());
    const session = authenticator.sessions.read(cookie);
    expect(whoIs(undefined, cookie, key)).toEqual({ kind: 'viewer', viewer: ADMINISTRATOR, session });
    const { key: another } = authenticator.sessions.open(new Date());
    expect(whoIs(undefined, cookie)).toEqual({ kind: 'anonymous', why: 'keyless' });
    expect(whoIs(undefined, cookie, another)).toEqual({ kind: 'anonymous', why: 'keyless' });
    expect(whoIs(undefined, undefined, key)).toEqual({ kind: 'anonymous', why: 'missing' });
  });
});
