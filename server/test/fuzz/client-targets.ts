import { readFileSync } from 'node:fs';
import { PLAIN, parseAnsi, visibleText } from '../../../web/src/features/logs/ansi.ts';
import { LogBuffer } from '../../../web/src/features/logs/log-buffer.ts';
import { parseTimeLimit } from '../../../web/src/lib/duration.ts';
import { parseMemory } from '../../../web/src/lib/size.ts';
import { faultInVariableName } from '../../src/actions/variable-names.ts';
import { Authenticator } from '../../src/auth/index.ts';
import { parseClusters } from '../../src/config/clusters-file.ts';
import { ConfigurationError } from '../../src/config/environment.ts';
import { localId } from '../../src/graphql/ids.ts';
import { eventCursor, sequenceOf } from '../../src/graphql/job/list.ts';
import { readDocument } from '../../src/graphql/read-document.ts';
import { byteRange } from '../../src/http/byte-range.ts';
import { ClientAddresses, networkOf } from '../../src/http/client-address.ts';
import { acceptedCoding } from '../../src/http/compression.ts';
import { isForeign } from '../../src/http/origin.ts';
import { readSessionCookies } from '../../src/http/session-cookie.ts';
import { patternFault } from '../../src/logs/search-log.ts';
import { publicAddress, withPublicAddresses } from '../../src/projects/remote-address.ts';
import { CursorError } from '../../src/store/index.ts';
import { decodeCursor, encodeCursor } from '../../src/store/keyset.ts';
import { searchText, wordsOf } from '../../src/store/search.ts';
import { indexedTokens, tokensQuery } from '../../src/store/sqlite/word-tokens.ts';
import { AS_IT_IS, type Target, target } from './target.ts';

const JOB = '01K00000000000000000000042';
const example = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');

const authenticator = await Authenticator.open('nobody-can-guess-this-token', {
  secret: async () => 'a secret',
  ended: async () => [],
  end: async () => {},
});
const ANSI = [
  '\x1b[',
  '\x1b]',
  '\x1b[1;',
  '\x1b[31m',
  '\x1b[0m\r',
  'a\r',
  '\x1b[38;5;',
  '\x1b]0;a\x07',
  '\x1b[38;2;1;2;3m',
];

/** Everything that reads what a client, a person, git or a file of this machine says, and what the browser reads. */
export const CLIENT_TARGETS: readonly Target[] = [
  target('a range', (text) => byteRange(text, 1000), {
    samples: ['bytes=0-9', 'bytes=-5'],
    frames: [AS_IT_IS, (text) => `bytes=${text}`],
    pieces: ['0-', '0'],
  }),
  target('clusters.yaml', (text) => parseClusters(text, 'clusters.yaml'), {
    refuses: [ConfigurationError],
    samples: [example('clusters.yaml'), 'clusters: { a: { host: b } }\n'],
    frames: [AS_IT_IS, (text) => `clusters:\n  a:\n    host: ${text}\n`],
    // The library takes ever longer; the file is the administrator's own, and bounded.
    most: 4 * 1024,
    pieces: ['[', '{', '- ', 'a: ', '&a ', '*a ', '? ', '"', '| ', 'a:\n'],
  }),
  target('a cursor of events', sequenceOf, {
    refuses: [CursorError],
    samples: [eventCursor(0), eventCursor(123_456)],
    frames: [AS_IT_IS, (text) => Buffer.from(text).toString('base64url')],
    pieces: ['event:', 'ZXZlbnQ6'],
  }),
  target('a cursor of a list', decodeCursor, {
    refuses: [CursorError],
    samples: [encodeCursor({ order: 'jobs', asOf: 1_795_494_207_000, values: ['a', 1] })],
    frames: [
      AS_IT_IS,
      (text) => Buffer.from(text).toString('base64url'),
      (text) => Buffer.from(`["a",1,"${text}"]`).toString('base64url'),
    ],
    pieces: ['[', '"a",', '1e999,', '{"a":'],
  }),
  target('a global id', (text) => localId(text, 'Job'), {
    samples: [Buffer.from(`Job:${JOB}`).toString('base64')],
    frames: [AS_IT_IS, (text) => Buffer.from(`Job:${text}`).toString('base64')],
    pieces: [':', 'Sm9iOg=='],
  }),
  target('a GraphQL document', readDocument, {
    samples: ['query Q($a: ID!) { job(id: $a) { id ...F } } fragment F on Job { state @include(if: true) }'],
    frames: [
      AS_IT_IS,
      (text) => `{ jobs(filter: ${text}) { totalCount } }`,
      (text) => `query ($a: ${text}) { version }`,
    ],
    pieces: ['{ ', '...F ', '[', '@a', '"', '"""', '$a ', 'fragment F on Job { ...F } ', '#', '\\u{'],
    // Its limits are held against other documents.
    most: 4 * 1024,
  }),
  target(
    'a credential',
    (text) =>
      [
        authenticator.authenticate({ authorization: text, cookies: [], key: undefined }),
        authenticator.authenticate({ authorization: undefined, cookies: [text, text], key: text }),
      ].map(({ kind }) => kind),
    {
      samples: ['Bearer x', 'a.99999999999.b'],
      frames: [AS_IT_IS, (text) => `Bearer ${text}`],
      pieces: ['Bearer ', '.', '9.'],
    },
  ),
  target('cookies', (text) => readSessionCookies({ headers: { cookie: text, host: 'example.org:4000' } } as never), {
    samples: ['other=c; slurmql_session_4000=a.99999999999.b'],
    frames: [AS_IT_IS, (text) => `slurmql_session_4000=${text}`],
    pieces: ['slurmql_session_4000=', '; ', 'a;'],
  }),
  target('an origin', (text) => isForeign({ headers: { origin: text, host: 'example.org' } } as never), {
    samples: ['https://example.org', 'null'],
    frames: [AS_IT_IS, (text) => `https://${text}`],
    pieces: ['https://', '@', ':0', '%00'],
  }),
  target(
    'who sent a request',
    (text) => {
      const headers = { 'x-forwarded-for': text };
      return networkOf(
        new ClientAddresses(['127.0.0.1', '10.0.0.0/8', '::1']).of({
          headers,
          socket: { remoteAddress: '127.0.0.1' },
        } as never),
      );
    },
    {
      samples: ['203.0.113.7, 10.1.2.3', '2001:db8::1', '::ffff:10.0.0.1, fe80::1%eth0'],
      pieces: ['10.0.0.1,', '::', '::ffff:', '%'],
    },
  ),
  target('codings that a client takes', acceptedCoding, {
    samples: ['gzip, br;q=0.5', '*;q=0'],
    pieces: ['gzip,', ';q=', 'br;q=0.5,'],
  }),
  target('a pattern of a search', (text) => [patternFault(text, true), patternFault(text, false)], {
    samples: ['loss: [0-9]+', 'a\\.b'],
    pieces: ['\\', '\\1', '[', '(a'],
  }),
  target('a search', (text) => [wordsOf(text), tokensQuery(1, wordsOf(text))], {
    samples: ['train 1234', '"a b" c'],
    pieces: ['ab ', 'abc', 'İ', `${'-'.repeat(999)} `, `${'-1'.repeat(499)} `],
  }),
  target('what a job is found by', (text) => indexedTokens(1, searchText([text, null])), {
    samples: ['train\npython train.py --lr 0.1'],
    pieces: ['ab ', 'abc', 'İ'],
    // Of the longest command, and all else beside it.
    most: 64 * 1024,
  }),
  target('the name of a variable', faultInVariableName, { samples: ['WANDB_MODE'], pieces: ['A', 'SLURM_'] }),
  target('the address of a remote', (text) => [publicAddress(text), withPublicAddresses(text)], {
    samples: ['https://ada:pw@git.example.org/ada/model.git?x=1', 'git@git.example.org:ada/model.git'],
    frames: [AS_IT_IS, (text) => `https://${text}`, (text) => `fatal: unable to access '${text}'`],
    pieces: ['https://', '@', '/token/', '%41', 'a9', '::'],
  }),
  target('a line of a log in the browser', (text) => [parseAnsi(text, PLAIN), visibleText(text)], {
    samples: ['\x1b[1;31mred\x1b[0m plain', '\x1b[38;2;255;128;0mx'],
    frames: [AS_IT_IS, (text) => `\x1b[${text}m`],
    pieces: ANSI,
  }),
  target(
    'the lines of a log in the browser',
    (text) => {
      const buffer = new LogBuffer();
      buffer.append({ startOffset: 0, endOffset: Buffer.byteLength(text), text });
      return buffer.lines;
    },
    { samples: ['one\r\ntwo\r 10%\r 20%\n', '\x1b[31mred\nstill'], pieces: ANSI },
  ),
  target('a time limit in the browser', parseTimeLimit, {
    samples: ['1h30m', '2-12:00:00'],
    pieces: ['1d ', '1:', '1-', '9h'],
  }),
  target('memory in the browser', parseMemory, { samples: ['64 GB', '1.5T'], pieces: ['1.', '9', ' g'] }),
];
