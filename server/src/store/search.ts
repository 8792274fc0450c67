import { type Expression, type ExpressionBuilder, type ReferenceExpression, type SqlBool, sql } from 'kysely';
import { searchWords } from '../domain/job-filter.ts';

/** True where each word of `search` occurs in one of the columns, whatever the case of its letters. */
export function containing<DB, TB extends keyof DB>(
  where: ExpressionBuilder<DB, TB>,
  columns: readonly (ReferenceExpression<DB, TB> & string)[],
  search: string,
): Expression<SqlBool> {
  return where.and(
    searchWords(search).map((word) =>
      where.or(columns.map((column) => contains(sql.ref<string | null>(column), word))),
    ),
  );
}

/** `lower` and an explicit escape, since LIKE's case and escape rules differ between SQLite and PostgreSQL. */
export function contains(column: Expression<string | null>, word: string): Expression<SqlBool> {
  const pattern = `%${word.replace(/[\\%_]/g, '\\$&')}%`;
  return sql<SqlBool>`lower(${column}) like ${pattern} escape '\\'`;
}
