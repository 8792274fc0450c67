import type { Logger } from './logger.ts';

const WINDOW_MS = 60_000;

type Fields = Readonly<Record<string, unknown>>;

/** Lines that anybody can have written, credential or not: so many a minute, and the next one says how many were left out. */
export class BoundedLog {
  readonly #log: Logger;
  readonly #linesAMinute: number;
  #windowBegan = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #leftOut = 0;

  constructor(log: Logger, linesAMinute: number) {
    this.#log = log;
    this.#linesAMinute = linesAMinute;
  }

  warn(fields: Fields, message: string): void {
    this.#write('warn', fields, message);
  }

  error(fields: Fields, message: string): void {
    this.#write('error', fields, message);
  }

  #write(level: 'warn' | 'error', fields: Fields, message: string): void {
    const now = performance.now();
    if (now - this.#windowBegan >= WINDOW_MS) {
      this.#windowBegan = now;
      this.#lines = 0;
    }
    if (this.#lines >= this.#linesAMinute) {
      this.#leftOut += 1;
      return;
    }
    this.#lines += 1;
    this.#log[level](this.#leftOut === 0 ? fields : { ...fields, leftOut: this.#leftOut }, message);
    this.#leftOut = 0;
  }
}
