import { ownText } from '../../domain/text.ts';
import { type AccountingForm, accountRows } from './ends.ts';
import { Budget, MAX_OBSERVATIONS, MAX_RESTARTS } from './limits.ts';
import type { Pace, Reading } from './turns.ts';

/** sacct's output fields, in the order in which `parseAccounting` reads them. All but the last exist since 20.11. */
export const ACCOUNTING_FIELDS = [
  'JobID',
  'State',
  'ExitCode',
  'Submit',
  'Start',
  'End',
  'NodeList',
  'Partition',
  'AllocTRES',
  'TimelimitRaw',
  'JobName',
  'WorkDir',
  // Since 21.08.
  'SubmitLine',
] as const;

const NAME = ACCOUNTING_FIELDS.indexOf('JobName');
const SUBMIT = ACCOUNTING_FIELDS.indexOf('Submit');
const END = ACCOUNTING_FIELDS.indexOf('End');
/** The name in sacct of a job whose name was never reported to it. */
const NAMELESS = 'allocation';

/** The values of a row by `ACCOUNTING_FIELDS`, without the last one where sacct doesn't have it. */
export type RowFields = readonly string[];

/** The number of a job; for a task or a component, that of the whole. */
export function numberOf(slurmJobId: string): string {
  return /^\d*/.exec(slurmJobId)?.[0] ?? '';
}

/**
 * Row by row, its fields; null for a row that is of no job with one of these numbers (null: any). One with fewer or more
 * fields than `form` has can't be read.
 */
export function* fieldsOfRows(
  output: string,
  form: AccountingForm,
  numbers: ReadonlySet<string> | null,
): Generator<RowFields | null> {
  for (const fields of accountRows(output, form)) {
    // A copy: otherwise what is kept of a row would keep the whole answer in memory.
    yield isAskedFor(fields, numbers) ? fields.map(ownText) : null;
  }
}

function isAskedFor([id = '']: RowFields, numbers: ReadonlySet<string> | null): boolean {
  return numbers === null || numbers.has(numberOf(id));
}

/**
 * Finds out whose the rows without a name are. All rows are counted before anything is kept of one: throws
 * UnreadableAnswer if they are too many.
 */
export function* readOwners(
  output: string,
  form: AccountingForm,
  numbers: ReadonlySet<string> | null,
  pace: Pace,
): Reading<Owners> {
  const rows = new Budget(MAX_OBSERVATIONS, 'rows');
  const ids = new Set<string>();
  for (const fields of accountRows(output, form)) {
    rows.take(1);
    if (fields[NAME] === NAMELESS && isAskedFor(fields, numbers)) ids.add(ownText(fields[0] ?? ''));
    if (pace.isDue(1)) yield;
  }
  const owners = new Owners();
  if (ids.size === 0) return owners;
  for (const fields of fieldsOfRows(output, form, numbers)) {
    if (fields?.length === form.fields.length && ids.has(fields[0] ?? '')) owners.take(fields);
    if (pace.isDue(1)) yield;
  }
  return owners;
}

/**
 * Slurm 20.11 never records the name and the directory of an attempt that is requeued in its first seconds. Its requeue
 * is the submission of the next attempt, in the same second, so it takes that attempt's values.
 */
class Owners {
  /** The fields from the name on, by id and time of submission; null: nobody's. */
  readonly #own = new Map<string, RowFields | null>();
  /** The ends of attempts without a name, in the same way. */
  readonly #ends = new Map<string, string>();

  take(fields: RowFields): void {
    const key = `${fields[0]} ${fields[SUBMIT]}`;
    if (fields[NAME] === NAMELESS) this.#ends.set(key, fields[END] ?? '');
    else this.#own.set(key, fields.slice(NAME));
  }

  /** A row with the name and the directory of its job. */
  completed(fields: RowFields): RowFields {
    if (fields[NAME] !== NAMELESS) return fields;
    const own = this.#at(fields[0] ?? '', fields[END] ?? '');
    return own === null ? fields : [...fields.slice(0, NAME), ...own];
  }

  /** Of the attempt that was submitted at this time, or else of the next one that has a name. */
  #at(id: string, submit: string): RowFields | null {
    const passed: string[] = [];
    let own: RowFields | null | undefined;
    for (let at: string | undefined = submit; at !== undefined && passed.length <= MAX_RESTARTS; ) {
      const key = `${id} ${at}`;
      own = this.#own.get(key);
      if (own !== undefined) break;
      passed.push(key);
      const end = this.#ends.get(key);
      at = Number(end) > Number(at) ? end : undefined;
    }
    // Each is looked for once, however many attempts come before it.
    for (const key of passed) this.#own.set(key, own ?? null);
    return own ?? null;
  }
}
