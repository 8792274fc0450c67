import { type Refusal, refusal } from '../domain/refusal.ts';

/** UTF-8 can't encode one, so it would arrive as something else. */
const HALF = 'contains half a character (a lone surrogate): use whole characters';

/** In UTF-16 units: of what has a name, such as a project. */
export const MAX_NAME = 200;
/** In UTF-16 units: of a word of Slurm's. */
export const MAX_WORD = 256;
/** Of a list in a request. */
export const MAX_LIST = 100;
/** Of one request: a longer answer would help nobody. */
export const MOST_FAULTS = 100;

/**
 * Collects the faults of an input, so that the caller sees all of them at once. All sizes are checked before anything
 * else, and an action goes no further with an input that is too large.
 */
export class FieldCheck {
  readonly refusals: Refusal[];
  readonly #path: readonly string[];

  constructor(path: readonly string[] = [], refusals: Refusal[] = []) {
    this.#path = path;
    this.refusals = refusals;
  }

  /** Checks the fields of a part of the input; its faults are collected here. */
  at(...path: readonly string[]): FieldCheck {
    return new FieldCheck([...this.#path, ...path], this.refusals);
  }

  /** `message`: what is wrong with the field, "is empty: …", or a sentence of its own. Its name is put before it. */
  fault(field: string, message: string): void {
    if (this.refusals.length >= MOST_FAULTS) return;
    const path = [...this.#path, field];
    const subject = path.join('.');
    const text = /^(?:is|has|holds) /.test(message) ? `${subject} ${message}` : `${subject}: ${message}`;
    this.refusals.push(refusal('INVALID_INPUT', path, text));
  }

  /** The size of a text in UTF-16 units. */
  characters(field: string, value: string | null, most: number): void {
    if (value === null || value.length <= most) return;
    this.fault(field, `has ${value.length} characters: at most ${most} are allowed`);
  }

  /** The size of a text in bytes of UTF-8. */
  bytes(field: string, value: string | null, most: number): void {
    const size = Buffer.byteLength(value ?? '');
    if (size > most) this.fault(field, `has ${size} bytes: at most ${most} are allowed`);
  }

  /** The size of a list. */
  entries(field: string, list: readonly unknown[], most: number = MAX_LIST): void {
    if (list.length > most) this.fault(field, `has ${list.length} entries: at most ${most} are allowed`);
  }

  /** The size of a list of texts, in entries and in bytes of UTF-8. `what`: "options". */
  texts(field: string, texts: readonly string[], what: string, mostBytes: number): void {
    const size = bytesOf(texts);
    if (texts.length <= MAX_LIST && size <= mostBytes) return;
    const limit = `at most ${MAX_LIST} with ${mostBytes} bytes in total are allowed`;
    this.fault(field, `has ${texts.length} ${what} with ${size} bytes: ${limit}`);
  }

  /** One line of text, such as a name. */
  line(field: string, value: string | null): void {
    if (value === null) return;
    if (value.trim() === '') this.fault(field, 'is empty: write at least one character');
    else if (!value.isWellFormed()) this.fault(field, HALF);
    else if (/\p{Cc}/u.test(value))
      this.fault(field, 'contains a line break or control character: write one plain line');
  }

  /** Lines of shell or prose: any character that a shell script can hold. */
  lines(field: string, value: string | null): void {
    if (value === null) return;
    if (!value.isWellFormed()) this.fault(field, HALF);
    else if (/[\0\r]/.test(value))
      this.fault(field, 'contains a NUL or carriage return: end lines with a line feed only');
  }

  /** A word of Slurm's or conda's, such as a partition or an account. */
  word(field: string, value: string | null): void {
    if (value === null) return;
    if (!value.isWellFormed()) this.fault(field, HALF);
    else if (!/^[^\s\p{Cc}-][^\s\p{Cc}]*$/u.test(value)) {
      this.fault(field, `${JSON.stringify(value)} is not a valid name: use no spaces and no leading "-"`);
    }
  }

  count(field: string, value: number | null, minimum: number, maximum: number): void {
    if (value === null || (Number.isInteger(value) && value >= minimum && value <= maximum)) return;
    this.fault(field, `is ${value}: write a whole number from ${minimum} to ${maximum}`);
  }
}

/** Where a component stands in the input of a job, whose own fields are the first one. */
export function componentPath(index: number): readonly string[] {
  return index === 0 ? [] : ['components', String(index - 1)];
}

/** Of all of them, in UTF-8. */
export function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
