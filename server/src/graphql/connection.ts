import type { KeysetPage, PageRequest } from '../store/index.ts';
import type { builder } from './builder.ts';
import { fault, withCursorFaults } from './faults.ts';
import { costs } from './marks.ts';
import type { Work } from './work.ts';

export const DEFAULT_PAGE = 50;
export const MAX_PAGE = 500;

export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

type ArgumentBuilder = Pick<Parameters<Parameters<typeof builder.queryField>[1]>[0], 'arg'>;

/** Arguments of a list that is read only forwards. */
export function forwardArguments({ arg }: ArgumentBuilder) {
  return {
    first: arg.int({ description: `The maximum number of entries, 0 to ${MAX_PAGE}. Default: ${DEFAULT_PAGE}.` }),
    after: arg.string({
      description: 'The page begins after the entry with this cursor. Default: it begins with the first entry.',
    }),
  };
}

/** Arguments of a list that is read in both directions (Relay cursor connections). */
export function pageArguments(t: ArgumentBuilder) {
  return {
    ...forwardArguments(t),
    last: t.arg.int({
      description: `The maximum number of entries, counted from the end, 0 to ${MAX_PAGE}. Not together with \`first\`.`,
    }),
    before: t.arg.string({ description: 'The page ends before the entry with this cursor. Used with `last`.' }),
  };
}

export interface Connection<T> {
  readonly edges: { readonly cursor: string; readonly node: T }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  /** Counted only if it is requested. */
  totalCount(): Promise<number>;
}

/** Reads one page by Relay's arguments. */
export async function readConnection<T>(
  args: PageArguments,
  work: Work,
  read: (request: PageRequest) => Promise<KeysetPage<T>>,
  count: () => Promise<number>,
): Promise<Connection<T>> {
  const request = pageRequest(args);
  const page = await withCursorFaults(request.backwards ? 'before' : 'after', () => work.read(() => read(request)));
  const edges = page.rows.map(({ cursor, row }) => ({ cursor, node: row }));
  // Rows on the other side are known only from the cursor (Relay requires no more).
  const hasOther = request.from !== null;
  return {
    edges,
    pageInfo: {
      hasNextPage: request.backwards ? hasOther : page.hasMore,
      hasPreviousPage: request.backwards ? page.hasMore : hasOther,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: count,
  };
}

function pageRequest({ first, after, last, before }: PageArguments): PageRequest {
  const backwards = last != null || (before != null && first == null);
  if (backwards && (first != null || after != null)) {
    throw fault('BAD_USER_INPUT', 'Read forwards with first and after, or backwards with last and before');
  }
  if (!backwards && before != null) throw fault('BAD_USER_INPUT', 'before goes with last, after goes with first');
  const name = backwards ? 'last' : 'first';
  const size = (backwards ? last : first) ?? DEFAULT_PAGE;
  if (size < 0 || size > MAX_PAGE) throw fault('BAD_USER_INPUT', `${name} is ${size}: ask for 0 to ${MAX_PAGE}`);
  return { limit: size, backwards, from: (backwards ? before : after) ?? null };
}

/** A list costs its page size, and its reading. */
export const pageCost = costs(({ first, last }: PageArguments) => {
  const entries = first ?? last ?? DEFAULT_PAGE;
  return { own: 1 + Math.ceil(entries / 10), entries, rows: entries };
});
