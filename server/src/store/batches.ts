/** SQLite takes 32,766 values in one statement (SQLITE_MAX_VARIABLE_NUMBER); a row here has fewer than 60. */
const ROWS_A_STATEMENT = 500;

export function* batches<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < rows.length; start += ROWS_A_STATEMENT) yield rows.slice(start, start + ROWS_A_STATEMENT);
}
