import { type Refusal, refusal } from '../domain/refusal.ts';

/** UTF-8 can't encode one, so it would arrive as something else. */
const HALF = 'contains half a character (a lone surrogate): use whole characters';

/** Collects the faults of an input, so that the caller sees all of them at once. */
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
    const path = [...this.#path, field];
    const subject = path.join('.');
    const text = /^(?:is|has|holds) /.test(message) ? `${subject} ${message}` : `${subject}: ${message}`;
    this.refusals.push(refusal('INVALID_INPUT', path, text));
  }

  /** One line of text, such as a name. */
  line(field: string, value: string | null, maxLength: number): void {
    if (value === null) return;
    if (value.trim() === '') this.fault(field, 'is empty: write at least one character');
    else if (!value.isWellFormed()) this.fault(field, HALF);
    else if (/\p{Cc}/u.test(value))
      this.fault(field, 'contains a line break or control character: write one plain line');
    else if (value.length > maxLength)
      this.fault(field, `has ${value.length} characters: at most ${maxLength} are allowed`);
  }

  /** Lines of shell or prose: any character that a shell script can hold. */
  lines(field: string, value: string | null, maxBytes: number): void {
    if (value === null) return;
    const size = Buffer.byteLength(value);
    if (!value.isWellFormed()) this.fault(field, HALF);
    else if (/[\0\r]/.test(value))
      this.fault(field, 'contains a NUL or carriage return: end lines with a line feed only');
    else if (size > maxBytes) this.fault(field, `has ${size} bytes: at most ${maxBytes} are allowed`);
  }

  /** A word of Slurm's or conda's, such as a partition or an account. */
  word(field: string, value: string | null): void {
    if (value === null) return;
    if (!value.isWellFormed()) this.fault(field, HALF);
    else if (!/^[^\s\p{Cc}-][^\s\p{Cc}]{0,255}$/u.test(value)) {
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
