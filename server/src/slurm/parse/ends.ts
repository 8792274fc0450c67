/**
 * Ends what Slurm itself writes into a row. It stands in no state, number, reason or name of a node or partition, but
 * it may stand in a path, and paths are chosen by users: any byte but NUL (path_resolution(7)).
 */
export const FIELD_END = '\x1f';

/** What ends the paths and rows of squeue. No path contains it, because it has the nonce of the query. */
export interface QueueEnds {
  readonly path: string;
  readonly row: string;
}

/** `nonce`: of one query. A digit before it would be a width (man squeue, --Format). */
export function queueEnds(nonce: string): QueueEnds {
  return { path: `\x1d${nonce}`, row: `\x1e${nonce}` };
}

/** How sacct is asked to print rows: each field ends with `fieldEnd`, and a row with a line feed after that. */
export interface AccountingForm {
  readonly fields: readonly string[];
  /** No field contains it, because it has the nonce of the query. */
  readonly fieldEnd: string;
}

export function accountingForm(nonce: string, fields: readonly string[]): AccountingForm {
  return { fields, fieldEnd: `${FIELD_END}${nonce}` };
}

/** What follows the last complete row of an answer. */
export function afterRows(output: string, rowEnd: string): string {
  const lastEnd = output.lastIndexOf(rowEnd);
  return lastEnd === -1 ? output : output.slice(lastEnd + rowEnd.length);
}

/** Whether sacct's output ends within a row, even with exit code 0. A cut between two rows can't be seen. */
export function endsInAccount(output: string, { fieldEnd }: AccountingForm): boolean {
  const rest = afterRows(output, `${fieldEnd}\n`);
  return rest.includes(fieldEnd) || (rest !== '' && !rest.endsWith('\n'));
}

/**
 * The fields of each row of sacct. A name, a directory or a command line may begin with a line feed, which looks like
 * the end of a row: such pieces are joined until they have as many fields as a row. A piece that fits with no other has
 * fewer or more.
 */
export function* accountRows(output: string, { fields, fieldEnd }: AccountingForm): Generator<readonly string[]> {
  const rowEnd = `${fieldEnd}\n`;
  const pieces: (readonly string[])[] = [];
  let count = 0;
  let from = 0;
  for (let end = output.indexOf(rowEnd); end !== -1; end = output.indexOf(rowEnd, from)) {
    const piece = output.slice(from, end).split(fieldEnd, fields.length + 1);
    from = end + rowEnd.length;
    pieces.push(piece);
    count += piece.length;
    while (count > fields.length) {
      const lone = pieces.shift() ?? [];
      count -= lone.length;
      yield joined([lone]);
    }
    if (count < fields.length) continue;
    yield joined(pieces.splice(0));
    count = 0;
  }
  for (const piece of pieces) yield joined([piece]);
}

function joined(pieces: readonly (readonly string[])[]): readonly string[] {
  const [row = [], ...others] = pieces;
  const [id = ''] = row;
  // A site's wrapper may print lines before a row.
  const ownLine = id.lastIndexOf('\n') + 1;
  if (ownLine === 0 && others.length === 0) return row;
  const rest = others.flatMap(([first = '', ...fields]) => [`\n${first}`, ...fields]);
  return [id.slice(ownLine), ...row.slice(1), ...rest];
}

/** Stands for the nonce in recorded answers. */
export const RECORDED = 'recorded';
