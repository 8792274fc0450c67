import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type GraphQLEnumType, isEnumType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from './graphql/error-codes.ts';
import { schema } from './graphql/schema.ts';

/** What is documented to pass says so in these words. */
const saysThatItPasses = (meaning: string) => /try again|wait a moment/i.test(meaning);
const userErrorCodes = schema.getType('UserErrorCode') as GraphQLEnumType;
const PASSING = {
  errors: Object.entries(ERROR_CODES).flatMap(([code, meaning]) => (saysThatItPasses(meaning) ? [code] : [])),
  userErrors: userErrorCodes
    .getValues()
    .flatMap(({ name, description }) => (saysThatItPasses(description ?? '') ? [name] : [])),
};

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly object[];
}
const failed = (code: string): Answer => ({ errors: [{ message: `no: ${code}`, extensions: { code } }] });
const refused = (code: string): Answer => ({
  data: { submitJob: { job: null, userErrors: [{ message: `refused: ${code}`, code }] } },
});

const log = { text: '', endOffset: 0, isComplete: true };
const state = { state: 'COMPLETED', reason: null, exitCode: 7, isActive: false };
const ANSWERS: readonly (readonly [string, unknown])[] = [
  ['submitJob', { submitJob: { job: { id: 'job' }, userErrors: [] } }],
  ['jobStatus', { jobStatus: state }],
  ['logTail', { logTail: log }],
  ['job(', { job: { ...state, stdout: log, stderr: log } }],
];

/** In place of the server: a job that is over, once each kind of request has had these answers. */
async function answering(first: Readonly<Record<string, readonly Answer[]>>) {
  const left = new Map(Object.entries(first).map(([kind, answers]) => [kind, [...answers]]));
  const keys = new Set<unknown>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { query, variables } = JSON.parse(body);
    const [kind = '', data] = ANSWERS.find(([name]) => query.includes(name)) ?? [];
    if (kind === 'submitJob') keys.add(variables.input.idempotencyKey);
    const answer = JSON.stringify(left.get(kind)?.shift() ?? { data });
    const isStream = request.headers.accept === 'text/event-stream';
    response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'application/json' });
    response.end(isStream ? `event: next\ndata: ${answer}\n\nevent: complete\ndata:\n\n` : answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    keys,
    address: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

it('some codes are documented to pass', () => {
  expect(isEnumType(userErrorCodes)).toBe(true);
  expect(PASSING.errors).toEqual(expect.arrayContaining(['CLUSTER_UNAVAILABLE', 'SERVER_BUSY', 'REQUEST_TIMEOUT']));
  expect(PASSING.userErrors).toEqual(['CLUSTER_UNAVAILABLE', 'RATE_LIMITED']);
});

describe.concurrent.each([
  ['submit-and-follow.mjs', process.execPath],
  ['submit_and_follow.py', 'python3'],
])('examples/%s', (name, program) => {
  async function run(address: string) {
    const file = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
    const child = spawn(program, [file, 'project', 'cluster', 'command'], {
      env: { PATH: process.env['PATH'], SLURMQL_URL: address, SLURMQL_TOKEN: 'token' },
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    return { code, stderr };
  }

  it('waits through whatever is documented to pass, says so, and submits with one key', async () => {
    const refusals = PASSING.userErrors.map(refused);
    const passing = [...PASSING.errors.map(failed), ...refusals];
    const busy = [failed('SERVER_BUSY')];
    await using server = await answering({ submitJob: passing, jobStatus: busy, logTail: busy, 'job(': busy });
    const { code, stderr } = await run(server.address);
    expect(stderr).toContain('[COMPLETED]');
    for (const one of PASSING.errors) expect(stderr).toContain(`[waiting] no: ${one}`);
    for (const one of PASSING.userErrors) expect(stderr).toContain(`[waiting] refused: ${one}`);
    expect(code).toBe(7);
    expect(server.keys.size).toBe(1);
  });

  it.each([
    ['an error', failed('UNAUTHENTICATED'), 'no: UNAUTHENTICATED\n'],
    ['a refusal', refused('INVALID_INPUT'), 'refused: INVALID_INPUT\n'],
  ])('ends with %s that does not pass', async (_what, answer, said) => {
    await using server = await answering({ submitJob: [answer] });
    expect(await run(server.address)).toEqual({ code: 1, stderr: said });
  });
});
