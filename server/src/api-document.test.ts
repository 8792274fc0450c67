import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isEnumType, isObjectType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { MAX_IDS } from './actions/many-jobs.ts';
import { MAX_COMMAND, MAX_ENVIRONMENT, MAX_LIST } from './actions/submit-job-fields.ts';
import { LONGEST_SESSION_SECONDS, SESSION_SECONDS } from './auth/sessions.ts';
import { MAX_ARRAY_TASKS } from './domain/array-spec.ts';
import { MAX_SEARCH_WORDS, MAX_WORD_LENGTH } from './domain/job-filter.ts';
import { KEPT_DAYS, KEPT_EVENTS } from './events/retention.ts';
import { DEFAULT_PAGE, MAX_PAGE } from './graphql/connection.ts';
import { ERROR_CODES } from './graphql/error-codes.ts';
import { GATE } from './graphql/gate.ts';
import { MOST_MATCHES } from './graphql/job/log-search.ts';
import { LONGEST_WAIT_SECONDS, MOST_WAITS } from './graphql/job/wait.ts';
import { LIMITS } from './graphql/limits.ts';
import { OPEN_SUBSCRIPTIONS } from './graphql/live/open-subscriptions.ts';
import { MAX_LENGTH } from './graphql/live/shared-subscriptions.ts';
import { schema } from './graphql/schema.ts';
import { SMALL, WORK_LIMITS } from './graphql/work.ts';
import {
  SECONDS_FOR_A_WRONG_ONE,
  WRONG_A_SECOND_IN_ALL,
  WRONG_AT_ONCE,
  WRONG_AT_ONCE_IN_ALL,
} from './http/attempts.ts';
import {
  MOST_NEWCOMERS,
  MOST_NEWCOMERS_OF_AN_ADDRESS,
  MOST_UNTAKEN_BYTES,
  NEWCOMER_MS,
  STALLED_MS,
} from './http/connections.ts';
import { SIGN_IN_BODY } from './http/door.ts';
import { MOST_DOWNLOADS } from './http/log-download.ts';
import { MAX_STREAMS } from './http/open-streams.ts';
import { MAX_BODY_BYTES } from './http/server.ts';
import {
  MAX_ID_LENGTH,
  MAX_MESSAGE_BYTES,
  MAX_OPERATIONS,
  OPERATIONS_A_SECOND,
  OPERATIONS_AT_ONCE,
} from './http/websocket.ts';
import { MAX_LIMIT, MOST_LAST_LINES } from './logs/read-log.ts';
import { LONGEST_PATTERN, SEARCH_BYTES } from './logs/search-log.ts';

const FILE = new URL('../../API.md', import.meta.url);
const number = (value: number) => value.toLocaleString('en-US');
const kib = (bytes: number) => `${number(bytes / 1024)} KiB`;

const LIMIT_ROWS: readonly (readonly [string, string])[] = [
  ['fields within fields of an operation', number(LIMITS.depth)],
  ['fields of an operation, aliases counted, those of fragments wherever they are spread', number(LIMITS.fields)],
  ['aliases of an operation', number(LIMITS.aliases)],
  [
    'values that its answer may hold, told beforehand: lists by their pages and ids, long fields more',
    number(LIMITS.cost),
  ],
  ['values of an answer, whatever they come from', number(WORK_LIMITS.values)],
  ['texts that an operation reads; its answer', `${kib(WORK_LIMITS.bytes)}; ${kib(WORK_LIMITS.answerBytes)}`],
  ['time that it takes in the database', `${WORK_LIMITS.seconds} s`],
  [
    `large operations, of over ${number(SMALL.values)} values, ${number(SMALL.rows)} entries of pages, or ${kib(SMALL.bytes)} of texts`,
    `${GATE.running} at a time, ${GATE.runningOfAccount} of a session`,
  ],
  [
    'large operations that wait (`SERVER_BUSY`)',
    `${number(GATE.waiting)}, ${number(GATE.waitingOfAccount)} of a session`,
  ],
  ['time that a large operation takes while others wait', `${GATE.seconds} s`],
  [
    'words, characters and lines of its document',
    `${number(LIMITS.tokens)}, ${number(LIMITS.characters)}, ${number(LIMITS.lines)}`,
  ],
  ['operations and fragments of a document; variables of an operation', number(LIMITS.definitions)],
  ['arguments of a field; directives in one place', `${number(LIMITS.arguments)}; ${number(LIMITS.directives)}`],
  ['lists and objects within each other, in a value', number(LIMITS.nesting)],
  ['body of an HTTP request (`PAYLOAD_TOO_LARGE`)', kib(MAX_BODY_BYTES)],
  ['message over WebSocket (closed with 1009)', kib(MAX_MESSAGE_BYTES)],
  ['document and variables of a subscription', `${number(MAX_LENGTH)} characters`],
  ['operations under way on a WebSocket', number(MAX_OPERATIONS)],
  [
    'subscriptions that are open: of a session, or of all who use the token; of all (`SERVER_BUSY`)',
    `${number(OPEN_SUBSCRIPTIONS.ofAccount)}; ${number(OPEN_SUBSCRIPTIONS.inAll)}`,
  ],
  [
    'words of their documents, equal ones counted once: the same; of all (`SERVER_BUSY`)',
    `${number(OPEN_SUBSCRIPTIONS.tokensOfAccount)}; ${number(OPEN_SUBSCRIPTIONS.tokensInAll)}`,
  ],
  [
    'characters of their documents and variables: the same; of all (`SERVER_BUSY`)',
    `${number(OPEN_SUBSCRIPTIONS.charactersOfAccount)}; ${number(OPEN_SUBSCRIPTIONS.charactersInAll)}`,
  ],
  [
    'operations begun on a WebSocket (`RATE_LIMITED`)',
    `${number(OPERATIONS_A_SECOND)} a second, ${number(OPERATIONS_AT_ONCE)} at once`,
  ],
  ["an operation's id on a WebSocket", `${number(MAX_ID_LENGTH)} characters`],
  [
    'WebSockets, streams and log files at a time (503, `SERVER_BUSY`)',
    `${number(MAX_STREAMS)}; log files ${number(MOST_DOWNLOADS)}`,
  ],
  [
    'connections without a credential (the oldest is closed)',
    `${number(MOST_NEWCOMERS)}, ${number(MOST_NEWCOMERS_OF_AN_ADDRESS)} of an address`,
  ],
  [
    'head of a request, body of a sign-in, `connection_init`',
    `${NEWCOMER_MS / 1000} s; the body ${kib(SIGN_IN_BODY.maxBytes)}`,
  ],
  [
    'wrong credentials at once, then in the long run (429, 4403): of an address; of all',
    `${WRONG_AT_ONCE}, one in ${SECONDS_FOR_A_WRONG_ONE} s; ${WRONG_AT_ONCE_IN_ALL}, ${WRONG_A_SECOND_IN_ALL} a second`,
  ],
  ['a client that reads nothing (its connection is closed)', `${STALLED_MS / 1000} s`],
  ['answers that clients have yet to take, in all (who takes nothing for longest is closed)', kib(MOST_UNTAKEN_BYTES)],
  ['entries of a page', `${number(MAX_PAGE)}, by default ${number(DEFAULT_PAGE)}`],
  ['ids of a mutation of many jobs', number(MAX_IDS)],
  [
    'words of a search, and characters of each (more are left out)',
    `${number(MAX_SEARCH_WORDS)}, ${number(MAX_WORD_LENGTH)}`,
  ],
  [
    '`waitUntilOverSeconds`',
    `${number(LONGEST_WAIT_SECONDS)}, of ${number(MOST_WAITS)} requests at a time (\`SERVER_BUSY\`)`,
  ],
  ['`Job.log`: bytes, and `lastLines`', `${kib(MAX_LIMIT)}, ${number(MOST_LAST_LINES)} lines`],
  [
    '`logSearch`: of a file, matches, and pattern',
    `${number(SEARCH_BYTES / 1024 ** 3)} GiB, ${number(MOST_MATCHES)}, ${number(LONGEST_PATTERN)} characters`,
  ],
  ['command of a job', kib(MAX_COMMAND)],
  ['tasks of an array', number(MAX_ARRAY_TASKS)],
  ["variables of a job's environment", `${number(MAX_LIST)}, ${kib(MAX_ENVIRONMENT)} in all`],
  ['changes that `jobEvents` goes back to', `${number(KEPT_EVENTS)}, for ${KEPT_DAYS} days`],
];

/** A table as the document has it, with its columns in line. */
function table(head: readonly [string, string], rows: readonly (readonly [string, string])[]): string {
  const all = [head, ...rows];
  const widths = [0, 1].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], filler = ' ') =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, filler)).join(' | ')} |`;
  return [line(head), line(['', ''], '-'), ...rows.map((row) => line(row))].join('\n');
}

function withTable(text: string, name: string, content: string): string {
  return text.replace(
    new RegExp(`(<!-- ${name} -->\n\n)[\\s\\S]*?(\n\n<!-- end -->)`),
    (_all, begin, end) => begin + content + end,
  );
}

describe('API.md', () => {
  it('lists every code and every limit as the code has it', async () => {
    const text = readFileSync(FILE, 'utf8');
    const codes = Object.entries(ERROR_CODES).map(([code, meaning]) => [`\`${code}\``, meaning] as const);
    let right = withTable(text, 'codes', table(['code', 'meaning'], codes));
    right = withTable(right, 'limits', table(['limit', 'value'], LIMIT_ROWS));
    // vitest --update writes it.
    await expect(right).toMatchFileSnapshot(fileURLToPath(FILE));
    expect(text).toContain(
      `${SESSION_SECONDS / 86_400} days after it was last renewed, ${LONGEST_SESSION_SECONDS / 86_400} days at most`,
    );
  });

  it('is kept to: what is deprecated says what takes its place, and when it goes', () => {
    const faults: string[] = [];
    for (const type of Object.values(schema.getTypeMap())) {
      const parts = isEnumType(type) ? type.getValues() : isObjectType(type) ? Object.values(type.getFields()) : [];
      for (const { name, deprecationReason } of parts) {
        if (deprecationReason != null && !/`\w.*\d+\.\d+/.test(deprecationReason)) faults.push(`${type.name}.${name}`);
      }
    }
    expect(faults).toEqual([]);
  });
});
