import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isEnumType, isObjectType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { MAX_LIST } from './actions/fields.ts';
import { MAX_IDS } from './actions/many-jobs.ts';
import { MAX_PATH, MAX_PROLOGUE } from './actions/projects.ts';
import { MAX_COMMAND, MAX_ENVIRONMENT, MAX_OPTIONS } from './actions/submit-job-sizes.ts';
import { MAX_TAG, MAX_TAGS } from './actions/tags.ts';
import { LONGEST_SESSION_SECONDS, SESSION_SECONDS } from './auth/sessions.ts';
import { MAX_ARRAY_TASKS } from './domain/array-spec.ts';
import { MAX_SEARCH_WORDS, MAX_WORD_LENGTH } from './domain/job-filter.ts';
import { KEPT_DAYS, KEPT_EVENTS } from './events/retention.ts';
import { MAX_ARGUMENT } from './graphql/bounded-arguments.ts';
import { DEFAULT_PAGE, MAX_PAGE } from './graphql/connection.ts';
import { ERROR_CODES } from './graphql/error-codes.ts';
import { GATE } from './graphql/gate.ts';
import { MOST_MATCHES } from './graphql/job/log-search.ts';
import { MOST_LOG_SEARCHES, MOST_LOG_SEARCHES_OF_ACCOUNT } from './graphql/job/log-searches.ts';
import { LONGEST_WAIT_SECONDS, MOST_WAITS, MOST_WAITS_OF_ACCOUNT } from './graphql/job/wait.ts';
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
import { MAX_BODY_BYTES } from './http/graphql-requests.ts';
import { MOST_DOWNLOADS, MOST_DOWNLOADS_OF_ACCOUNT } from './http/log-download.ts';
import { MAX_STREAMS, MAX_STREAMS_OF_ACCOUNT } from './http/open-streams.ts';
import { MOST_REQUEST_BYTES, MOST_REQUEST_BYTES_OF_ACCOUNT } from './http/request-bytes.ts';
import { MOST_VALUES } from './http/request-json.ts';
import { MAX_PING_LENGTH } from './http/transport-protocol.ts';
import {
  MAX_ID_LENGTH,
  MAX_MESSAGE_BYTES,
  MAX_OPERATIONS,
  OPERATIONS_A_SECOND,
  OPERATIONS_AT_ONCE,
} from './http/websocket.ts';
import { MAX_LIMIT, MOST_LAST_LINES } from './logs/read-log.ts';
import { LONGEST_PATTERN, SEARCH_BYTES } from './logs/search-log.ts';
import { MAX_OPTIONS_BYTES } from './slurm/index.ts';

const FILE = new URL('../../API.md', import.meta.url);
const number = (value: number) => value.toLocaleString('en-US');
const kib = (bytes: number) => `${number(bytes / 1024)} KiB`;

const LIMIT_ROWS: readonly (readonly [string, string])[] = [
  ['depth of nested fields of an operation', number(LIMITS.depth)],
  ['fields of an operation, with aliases; fields of a fragment count wherever it is spread', number(LIMITS.fields)],
  ['fields of all operations of a document together', number(LIMITS.allFields)],
  ['aliases of an operation', number(LIMITS.aliases)],
  [
    'values of its answer, estimated before it runs: lists count by page size or ids, long fields count more',
    number(LIMITS.cost),
  ],
  ['values of its answer, counted while it runs', number(WORK_LIMITS.values)],
  ['text that an operation reads; size of its answer', `${kib(WORK_LIMITS.bytes)}; ${kib(WORK_LIMITS.answerBytes)}`],
  ['time that it spends in the database', `${WORK_LIMITS.seconds} s`],
  [
    `large operations: over ${number(SMALL.values)} values, ${number(SMALL.rows)} entries of pages, ${kib(SMALL.bytes)} of text, or ${SMALL.cpuMs} ms of processor time in the database`,
    `${GATE.running} at a time, ${GATE.runningOfAccount} per session`,
  ],
  [
    'large operations that wait (`SERVER_BUSY`)',
    `${number(GATE.waiting)}, ${number(GATE.waitingOfAccount)} per session`,
  ],
  ['time that a large operation may take while others wait', `${GATE.seconds} s`],
  [
    'tokens, characters and lines of a document',
    `${number(LIMITS.tokens)}, ${number(LIMITS.characters)}, ${number(LIMITS.lines)}`,
  ],
  ['operations and fragments of a document; variables of an operation', number(LIMITS.definitions)],
  ['arguments of a field; directives in one place', `${number(LIMITS.arguments)}; ${number(LIMITS.directives)}`],
  ['depth of nested lists and objects in a value', number(LIMITS.nesting)],
  ['values in all variables of an operation', number(LIMITS.variableValues)],
  ['body of an HTTP request (`PAYLOAD_TOO_LARGE`)', kib(MAX_BODY_BYTES)],
  [
    'requests that are still to be answered',
    `${kib(MOST_REQUEST_BYTES_OF_ACCOUNT)} per session, ${kib(MOST_REQUEST_BYTES)} in all`,
  ],
  ['values in the JSON of a request, with all that it contains (closed with 4400)', number(MOST_VALUES)],
  ['WebSocket message (closed with 1009)', kib(MAX_MESSAGE_BYTES)],
  ['ping over a WebSocket (closed with 4400)', `${number(MAX_PING_LENGTH)} characters`],
  ['document and variables of a subscription', `${number(MAX_LENGTH)} characters`],
  ['active operations on a WebSocket', number(MAX_OPERATIONS)],
  [
    'open subscriptions: per session, or of all users of the token; in total (`SERVER_BUSY`)',
    `${number(OPEN_SUBSCRIPTIONS.ofAccount)}; ${number(OPEN_SUBSCRIPTIONS.inAll)}`,
  ],
  [
    'tokens of their documents, equal documents counted once: likewise; in total (`SERVER_BUSY`)',
    `${number(OPEN_SUBSCRIPTIONS.tokensOfAccount)}; ${number(OPEN_SUBSCRIPTIONS.tokensInAll)}`,
  ],
  [
    'characters of their documents and variables: likewise; in total (`SERVER_BUSY`)',
    `${number(OPEN_SUBSCRIPTIONS.charactersOfAccount)}; ${number(OPEN_SUBSCRIPTIONS.charactersInAll)}`,
  ],
  [
    'operations started on a WebSocket (`RATE_LIMITED`)',
    `${number(OPERATIONS_A_SECOND)} per second, bursts of ${number(OPERATIONS_AT_ONCE)}`,
  ],
  ['id of an operation on a WebSocket', `${number(MAX_ID_LENGTH)} characters`],
  [
    'open WebSockets, streams and log downloads: per session, or of all users of the token (429, 1013); in total (`SERVER_BUSY`: 503, 1013)',
    `${number(MAX_STREAMS_OF_ACCOUNT)}; ${number(MAX_STREAMS)}`,
  ],
  ['of these, log downloads: likewise', `${number(MOST_DOWNLOADS_OF_ACCOUNT)}; ${number(MOST_DOWNLOADS)}`],
  [
    'connections without a credential (the oldest is closed)',
    `${number(MOST_NEWCOMERS)}, ${number(MOST_NEWCOMERS_OF_AN_ADDRESS)} per address`,
  ],
  [
    'time for the head of a request, the body of a sign-in, and `connection_init`',
    `${NEWCOMER_MS / 1000} s; the body ${kib(SIGN_IN_BODY.maxBytes)}`,
  ],
  [
    'wrong credentials, as a burst and then at a rate (429, 4403): per address; in total',
    `${WRONG_AT_ONCE}, one per ${SECONDS_FOR_A_WRONG_ONE} s; ${WRONG_AT_ONCE_IN_ALL}, ${WRONG_A_SECOND_IN_ALL} per second`,
  ],
  ['client that reads nothing (its connection is closed)', `${STALLED_MS / 1000} s`],
  ['answers buffered for all clients (the client that has stalled longest is closed)', kib(MOST_UNTAKEN_BYTES)],
  [
    'other texts in the arguments of a query or subscription, such as names and cursors',
    `${number(MAX_ARGUMENT)} characters`,
  ],
  ['entries of a page', `${number(MAX_PAGE)}, default ${number(DEFAULT_PAGE)}`],
  ['ids of a mutation of many jobs', number(MAX_IDS)],
  [
    'words of a search; characters of each (the rest is ignored)',
    `${number(MAX_SEARCH_WORDS)}, ${number(MAX_WORD_LENGTH)}`,
  ],
  ['tags of a job, or of a filter; characters of each', `${number(MAX_TAGS)}; ${number(MAX_TAG)}`],
  ['`waitUntilOverSeconds`', number(LONGEST_WAIT_SECONDS)],
  [
    'requests that wait with it: per session, or of all users of the token; in total (`SERVER_BUSY`)',
    `${number(MOST_WAITS_OF_ACCOUNT)}; ${number(MOST_WAITS)}`,
  ],
  ['`Job.log`: bytes; `lastLines`', `${kib(MAX_LIMIT)}; ${number(MOST_LAST_LINES)} lines`],
  [
    '`logSearch`: bytes searched, matches, length of the pattern',
    `${number(SEARCH_BYTES / 1024 ** 3)} GiB, ${number(MOST_MATCHES)}, ${number(LONGEST_PATTERN)} characters`,
  ],
  [
    'searches that run or wait: per session, or of all users of the token; in total (`SERVER_BUSY`)',
    `${number(MOST_LOG_SEARCHES_OF_ACCOUNT)}; ${number(MOST_LOG_SEARCHES)}`,
  ],
  ['command of a job', kib(MAX_COMMAND)],
  ['components of a job; jobs that it waits for', `${number(MAX_LIST)}; ${number(MAX_LIST)}`],
  [
    '`extraOptions` of a component; sbatch options of all components, quoted for the shell',
    `${number(MAX_LIST)}, ${kib(MAX_OPTIONS)} in total; ${kib(MAX_OPTIONS_BYTES)}`,
  ],
  ['path of a project; its prologue', `${number(MAX_PATH)} bytes; ${kib(MAX_PROLOGUE)}`],
  ['tasks of an array', number(MAX_ARRAY_TASKS)],
  ['environment variables of a job', `${number(MAX_LIST)}, ${kib(MAX_ENVIRONMENT)} in total`],
  ['events that `jobEvents` can replay', `${number(KEPT_EVENTS)}, for ${KEPT_DAYS} days`],
];

/** A Markdown table with aligned columns. */
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
