import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from './support/server.ts';
import { signIn } from './support/session.ts';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start('clusters: {}\n');
});
afterAll(() => server?.[Symbol.asyncDispose]());

type Headers = Readonly<Record<string, string>>;

interface Answer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[];
}

async function answerTo(
  headers: Headers,
  path: string,
  init: RequestInit,
): Promise<Answer & { readonly length?: number }> {
  const response = await fetch(`${server.address}${path}`, { ...init, headers: { ...headers, ...init.headers } });
  return JSON.parse(await response.text());
}

function post(headers: Headers, body: unknown): ReturnType<typeof answerTo> {
  const type = { 'content-type': 'application/json' };
  return answerTo(headers, '/graphql', { method: 'POST', headers: type, body: JSON.stringify(body) });
}
const query = (headers: Headers, text: string) => post(headers, { query: text, operationName: 'cop' });
const byGet = (headers: Headers, text: string) =>
  answerTo(headers, `/graphql?${new URLSearchParams({ query: text })}`, { headers: { accept: 'application/json' } });

type Check = (headers: Headers) => Promise<boolean>;

/** What graphql-cop 1.15 looks for (github.com/dolevf/graphql-cop, lib/tests), by its names; true: it is there. */
const HARM: Readonly<Record<string, Check>> = {
  alias_overloading: async (headers) => {
    const aliases = Array.from({ length: 101 }, (_, number) => `alias${number}: __typename`);
    return (await query(headers, `query cop { ${aliases.join(' ')} }`)).data?.['alias100'] !== undefined;
  },
  batch_query: async (headers) => {
    const answer = await post(
      headers,
      Array.from({ length: 10 }, () => ({ query: 'query cop { __typename }' })),
    );
    return (answer.length ?? 0) >= 10;
  },
  field_duplication: async (headers) =>
    (await query(headers, `query cop { ${'__typename '.repeat(500)}}`)).data?.['__typename'] !== undefined,
  directive_overloading: async (headers) =>
    (await query(headers, `query cop { __typename ${'@aa'.repeat(10)} }`)).errors?.length === 10,
  circular_query_introspection: async (headers) => {
    const circle = `${'fields { type { '.repeat(4)}name${' } }'.repeat(4)}`;
    const { data } = await query(headers, `query cop { __schema { types { ${circle} } } }`);
    return ((data?.['__schema'] as { types?: unknown[] } | undefined)?.types?.length ?? 0) > 25;
  },
  get_based_mutation: async (headers) => (await byGet(headers, 'mutation cop { __typename }')).data != null,
  post_based_csrf: async (headers) => {
    const body = new URLSearchParams({ query: 'query cop { __typename }' });
    return (await answerTo(headers, '/graphql', { method: 'POST', body })).data != null;
  },
  trace_mode: async (headers) =>
    /"(tracing|trace)"/i.test(JSON.stringify(await query(headers, 'query cop { __typename }'))),
  unhandled_error_detection: async (headers) =>
    /"(exception|stacktrace|stack)"/i.test(JSON.stringify(await query(headers, 'qwerty cop { abc }'))),
};

/** What it warns of as well, and what people and programs are to have: nobody else does. */
const OFFER: Readonly<Record<string, Check>> = {
  introspection: async (headers) =>
    (await query(headers, 'query cop { __schema { types { name fields { name } } } }')).data?.['__schema'] !==
    undefined,
  field_suggestions: async (headers) =>
    (await query(headers, 'query cop { __schema { directive } }')).errors?.[0]?.message.includes('Did you mean') ===
    true,
  detect_graphiql: async (headers) => {
    const response = await fetch(`${server.address}/graphql`, { headers: { ...headers, accept: 'text/html' } });
    return /graphiql\.min\.css|GraphQL Playground|GraphiQL|graphql-playground/.test(await response.text());
  },
  get_method_support: async (headers) => (await byGet(headers, 'query cop { __typename }')).data != null,
};

describe('graphql-cop', () => {
  it.each(Object.entries({ ...HARM, ...OFFER }))('finds no %s without a credential', async (_name, finds) => {
    expect(await finds({})).toBe(false);
  });

  it.each(Object.entries(HARM))('finds no %s with the token, nor with a session', async (_name, finds) => {
    expect(await finds({ authorization: `Bearer ${server.token}` })).toBe(false);
    expect(await finds({ ...(await signIn(server.address, server.token)) })).toBe(false);
  });

  it.each(Object.entries(OFFER))(
    'finds %s with the token, and not for pages of other origins',
    async (_name, finds) => {
      const authorization = `Bearer ${server.token}`;
      expect(await finds({ authorization })).toBe(true);
      const session = { ...(await signIn(server.address, server.token)) };
      expect(await finds(session)).toBe(true);
      expect(await finds({ authorization, origin: 'https://elsewhere.example' })).toBe(false);
      expect(await finds({ ...session, origin: 'https://elsewhere.example' })).toBe(false);
      expect(await finds({ ...session, 'sec-fetch-site': 'same-site' })).toBe(false);
    },
  );
});
