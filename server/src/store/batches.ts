import { setImmediate as nextTurn } from 'node:timers/promises';

/** SQLite takes 32,766 values in one statement (SQLITE_MAX_VARIABLE_NUMBER). */
const ROWS_A_BATCH = 500;
/** Rows with all columns; read within about a millisecond. */
export const WHOLE_ROWS_A_BATCH = 100;

/**
 * Rows in batches, each of which fits into one statement. If there are several, the event loop turns before each, so
 * that many rows don't block it.
 */
export async function* batches<T>(rows: readonly T[], most = ROWS_A_BATCH): AsyncGenerator<readonly T[]> {
  for (let start = 0; start < rows.length; start += most) {
    if (rows.length > most) await nextTurn();
    yield rows.slice(start, start + most);
  }
}
