import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn } from '../../test/support/session.ts';
import { Stage, TOKEN } from './testing.ts';

let stage: Stage;
let cookie: string;
beforeAll(async () => {
  stage = await Stage.open();
  ({ cookie } = await signIn(stage.address, TOKEN));
});
afterAll(() => stage[Symbol.asyncDispose]());

/** As a browser that opens an address. */
const ACCEPT = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

function open(path: string, headers: Readonly<Record<string, string>> = {}, init: RequestInit = {}): Promise<Response> {
  return fetch(`${stage.address}${path}`, { redirect: 'manual', ...init, headers: { accept: ACCEPT, ...headers } });
}

/** How much of a file is sent, for whoever takes these codings. */
async function sent(path: string, codings: string): Promise<{ coding: string | undefined; bytes: number }> {
  return new Promise((resolve, reject) => {
    get(`${stage.address}${path}`, { headers: { 'accept-encoding': codings } }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => resolve({ coding: response.headers['content-encoding'], bytes }));
    }).once('error', reject);
  });
}

async function assetsOf(response: Response): Promise<string[]> {
  return [...(await response.text()).matchAll(/(?:src|href)="(\/graphql\/[^"]+)"/g)].map(([, path]) => path ?? '');
}

const QUERIES = {
  query: '{ viewer { name } }',
  subscription: 'subscription { jobEvents { cursor } }',
  mutation: 'mutation { cancelJob(input: { id: "x" }) { job { id } } }',
  'text that is no GraphQL': '{{{',
};

describe('GraphiQL', () => {
  it.each(Object.entries(QUERIES))('opens with a %s in its address', async (_kind, query) => {
    const response = await open(`/graphql?${new URLSearchParams({ query })}`, { cookie });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('<title>SlurmQL</title>');
  });

  it('is a small page that is asked for each time, and files under names that change with them, which are kept', async () => {
    const page = await open('/graphql', { cookie });
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const assets = await assetsOf(page);
    expect(assets).toHaveLength(2);
    for (const path of assets) {
      const asset = await open(path);
      expect(asset.status).toBe(200);
      expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(path).toMatch(/-[\w-]{16}\.(js|css)$/);
      await asset.arrayBuffer();
    }
  });

  it('asks nothing of other servers', async () => {
    const page = await (await open('/graphql', { cookie })).text();
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it('comes compressed, its workers as well', async () => {
    const script = (await assetsOf(await open('/graphql', { cookie }))).find((path) => path.endsWith('.js')) ?? '';
    const whole = await (await open(script)).text();
    const workers = [...whole.slice(0, 1000).matchAll(/"(\/graphql\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(workers).toHaveLength(3);
    for (const path of [script, ...workers]) {
      const plain = await sent(path, 'identity');
      expect(plain.coding).toBeUndefined();
      for (const coding of ['gzip', 'br']) {
        const compressed = await sent(path, coding);
        expect(compressed.coding).toBe(coding);
        expect(compressed.bytes).toBeLessThan(plain.bytes / 3);
      }
    }
  });

  it('has no other files', async () => {
    for (const path of ['/graphql/assets/graphiql.js', '/graphql/assets/', '/graphql/assets/../../session']) {
      const response = await open(path, { accept: '*/*', cookie });
      expect([404, 405]).toContain(response.status);
    }
    const script = (await assetsOf(await open('/graphql', { cookie })))[0] ?? '';
    expect((await open(script, {}, { method: 'POST' })).status).toBe(405);
  });
});

describe('a browser that is signed out', () => {
  const NEXT = `/graphql?${new URLSearchParams({ query: QUERIES.subscription })}`;

  it.each([NEXT, '/metrics', '/jobs/x/stdout.log'])('is told how to sign in when it opens %s', async (path) => {
    const response = await open(path);
    expect(response.status).toBe(401);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const text = await response.text();
    expect(text).toContain('action="/session"');
    expect(text).toContain('A credential is needed');
  });

  it('is let in by the form, and comes back to where it was', async () => {
    const text = await (await open(NEXT)).text();
    const next = /name="next" value="([^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const send = (token: string) =>
      open('/session', { origin: stage.address }, { method: 'POST', body: new URLSearchParams({ token, next }) });
    const refused = await send('wrong');
    expect(refused.status).toBe(401);
    expect(await refused.text()).toMatch(/The token is wrong[\s\S]*name="next" value="\/graphql\?/);
    expect(refused.headers.get('set-cookie')).toBeNull();
    const welcome = await send(` ${TOKEN}\n`);
    expect(welcome.status).toBe(303);
    const [location, key] = welcome.headers.get('location')?.split('#session=') ?? [];
    expect(location).toBe(NEXT);
    expect(key).toMatch(/^[\w-]{43}$/);
    const page = await open(NEXT, { cookie: welcome.headers.get('set-cookie')?.split(';')[0] ?? '' });
    expect(page.status).toBe(200);
  });

  it.each(['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/a\nb', ''])(
    'is not led to %j',
    async (next) => {
      const body = new URLSearchParams({ token: TOKEN, next });
      expect((await open('/session', {}, { method: 'POST', body })).headers.get('location')).toMatch(/^\/#/);
    },
  );

  it('is not signed in by the form of another site', async () => {
    const body = new URLSearchParams({ token: TOKEN, next: '/' });
    const response = await open('/session', { origin: 'https://evil.example' }, { method: 'POST', body });
    expect(response.status).toBe(401);
    expect(response.headers.get('set-cookie')).toBeNull();
  });

  it('is shown no markup of an address', async () => {
    const text = await (await open('/graphql?query="><script>alert(1)</script>')).text();
    expect(text).not.toContain('<script');
  });

  it('opens the page once more when a link of another site led to it, for that brings no cookie', async () => {
    expect((await open('/graphql', { 'sec-fetch-site': 'cross-site' })).headers.get('refresh')).toBe('0');
    expect((await open('/graphql', { 'sec-fetch-site': 'same-origin' })).headers.get('refresh')).toBeNull();
  });

  it('may open GraphiQL by an address with the token, which leaves it', async () => {
    const response = await open(`/graphql?token=${TOKEN}&query=x`);
    expect(response.headers.get('location')).toMatch(/^\/graphql\?query=x#session=[\w-]{43}$/);
    expect(response.headers.get('set-cookie')).toMatch(/^slurmql_session_\d+=/);
  });

  it('is a program when it does not ask for a page', async () => {
    const response = await open('/graphql', { accept: 'application/json' });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });
});
