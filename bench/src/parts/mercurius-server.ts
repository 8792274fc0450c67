import type { AddressInfo } from 'node:net';
import SqliteDatabase from 'better-sqlite3';
import fastify from 'fastify';
import mercurius from 'mercurius';
import { serveCommands } from './child.ts';

// Mercurius with its JIT on the product's file: the fields of `queries.ts` and nothing else, each page by one prepared
// statement on the index that the product reads it by.
const [databaseFile = ''] = process.argv.slice(2);
const sqlite = new SqliteDatabase(databaseFile);
sqlite.pragma('journal_mode = WAL');
sqlite.pragma('synchronous = FULL');
sqlite.pragma(`mmap_size = ${2 ** 31}`);
sqlite.pragma('cache_size = -32768');

interface Row {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly is_active: number;
  readonly exit_code: number | null;
  readonly partition: string | null;
  readonly node_list: string | null;
  readonly submitted_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly number: number;
}

const columns =
  'id, name, state, is_active, exit_code, partition, node_list, submitted_at, started_at, ended_at, number';
const pageAfter = (condition: string) =>
  sqlite.prepare<number[], Row>(
    `select ${columns} from jobs indexed by jobs_listed
      where array_parent_id is null and is_archived = 0 ${condition}
      order by submitted_at desc, number desc limit ?`,
  );
const firstPage = pageAfter('');
const laterPage = pageAfter('and (submitted_at, number) < (?, ?)');
const newest = firstPage.get(1)?.id ?? '';
const update = sqlite.prepare<[reason: string, id: string]>('update jobs set reason = ? where id = ?');

const instant = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
const toJob = (row: Row) => ({
  ...row,
  id: btoa(`Job:${row.id}`),
  isActive: row.is_active === 1,
  exitCode: row.exit_code,
  nodeList: row.node_list,
  submittedAt: instant(row.submitted_at),
  startedAt: instant(row.started_at),
  endedAt: instant(row.ended_at),
});
const cursorOf = (row: Row) => Buffer.from(`${row.submitted_at}:${row.number}`).toString('base64url');

const app = fastify();
await app.register(mercurius, {
  jit: 1,
  schema: `
    type Job {
      id: ID!
      name: String!
      state: String!
      isActive: Boolean!
      exitCode: Int
      partition: String
      nodeList: String
      submittedAt: String!
      startedAt: String
      endedAt: String
    }
    type PageInfo { endCursor: String }
    type JobConnection { nodes: [Job!]! pageInfo: PageInfo! }
    type Query { jobs(first: Int!, after: String): JobConnection! }
  `,
  resolvers: {
    Query: {
      jobs: (_root: unknown, { first, after = null }: { first: number; after?: string | null }) => {
        const position = after === null ? [] : Buffer.from(after, 'base64url').toString().split(':').map(Number);
        const rows = (after === null ? firstPage : laterPage).all(...position, first);
        const last = rows.at(-1);
        return { nodes: rows.map(toJob), pageInfo: { endCursor: last === undefined ? null : cursorOf(last) } };
      },
    },
  },
});
await app.listen({ host: '127.0.0.1', port: 0 });

serveCommands({
  address: () => `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
  write: () => update.run(String(Date.now()), newest).changes,
});
