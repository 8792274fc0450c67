import { type Expression, type ExpressionBuilder, type ReferenceExpression, type SqlBool, sql } from 'kysely';
import { searchWords } from '../domain/job-filter.ts';
import { holdsWordInAnyCase } from './sqlite/index.ts';

/** True if each word of `search` occurs in one of the columns, ignoring case. */
export function containing<DB, TB extends keyof DB>(
  where: ExpressionBuilder<DB, TB>,
  columns: readonly (ReferenceExpression<DB, TB> & string)[],
  search: string,
): Expression<SqlBool> {
  return where.and(
    searchWords(search).map((word) =>
      where.or(columns.map((column) => holdsWordInAnyCase(sql.ref<string | null>(column), word))),
    ),
  );
}

/**
 * The text that a search reads. Words contain no white space, so none matches across two lines; a NUL, which ends a
 * text for the database, is replaced, here and in words.
 */
export function searchText(parts: readonly (string | null)[]): string {
  return withoutNul(parts.map((part) => part?.toLowerCase() ?? '').join('\n'));
}

/** The words of a search as they occur in `searchText`. */
export function wordsOf(search: string | null): string[] {
  return search === null ? [] : searchWords(search).map(withoutNul);
}

function withoutNul(text: string): string {
  return text.replaceAll('\0', '\ufffd');
}
