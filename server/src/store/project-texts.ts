import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { COMPARED_AT_ONCE } from './search.ts';
import { slicesOf } from './slices.ts';
import { holdsWord, isListed } from './sqlite/index.ts';

/** How many projects one statement reads: that each text is made lower-case takes a microsecond. */
const LONGEST_LOOK = 500;

/** Projects in the order of their names. */
export interface NamedProjects {
  /** Null: from the end of the list. */
  readonly after: { readonly name: string; readonly id: string } | null;
  readonly isDescending: boolean;
}

const ALL: NamedProjects = { after: null, isDescending: false };

/**
 * Which of some lower-case words each project has in these of its texts, ignoring case. By name, in slices that are
 * short enough for one statement each; projects with none of them are left out.
 */
export async function* projectsHolding(
  database: Database,
  columns: readonly ('name' | 'path')[],
  words: readonly string[],
  { after, isDescending }: NamedProjects = ALL,
): AsyncGenerator<readonly { readonly id: string; readonly words: ReadonlySet<string> }[], void, undefined> {
  if (words.length === 0) return;
  const texts = columns.map((column) => sql.ref<string>(column));
  const bytes = sql<number>`${sql.join(
    texts.map((text) => sql`octet_length(${text})`),
    sql` + `,
  )}`;
  // Words have no white space, so none matches across two texts. `lower` is the connection's own: it knows all letters.
  const text = sql<string>`lower(${sql.join(texts, sql` || ${'\n'} || `)})`;
  const direction = isDescending ? 'desc' : 'asc';
  for (let place = after; ; ) {
    let next = database.selectFrom('projects').select(['id', 'name', bytes.as('bytes')]);
    if (place !== null)
      next = next.where(sql<boolean>`(name, id) ${sql.raw(isDescending ? '<' : '>')} (${place.name}, ${place.id})`);
    const ahead = await next.orderBy('name', direction).orderBy('id', direction).limit(LONGEST_LOOK).execute();
    for (const [at, ids] of slicesOf(ahead, COMPARED_AT_ONCE / words.length).entries()) {
      if (at > 0) await nextTurn();
      // With the limit, each text is made lower-case once, not once for each word.
      const lower = database
        .selectFrom('projects')
        .select(['id', 'name', text.as('text')])
        .where(isListed(sql.ref('id'), ids));
      const held = words.map((word) => holdsWord(sql.ref<string>('text'), word));
      const rows = await database
        .selectFrom(lower.limit(LONGEST_LOOK).as('texts'))
        .select(['id', ...held.map((isHeld, at) => sql<number>`${isHeld}`.as(`${at}`))])
        .where((where) => where.or(held))
        .orderBy('name', direction)
        .execute();
      yield rows.map((row: Readonly<Record<string, string | number>>) => ({
        id: String(row['id']),
        words: new Set(words.filter((_, at) => Number(row[`${at}`]) === 1)),
      }));
    }
    const last = ahead.at(-1);
    if (last === undefined || ahead.length < LONGEST_LOOK) return;
    place = last;
    await nextTurn();
  }
}
