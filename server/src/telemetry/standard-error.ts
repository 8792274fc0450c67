import { constants, fstatSync, openSync, writeSync } from 'node:fs';

const STDERR = 2;
/** Of text that waits, in UTF-16 units: about five thousand entries of the log. */
const MOST_WAITING = 1024 * 1024;
/** Until a reader may have read on. */
const READER_RETRY_MS = 20;
/** Until a disk may have room, or a pipe another reader. */
const FAULT_RETRY_MS = 1000;
/** How long the end of the process waits for a reader that is slow. */
const LAST_WORDS_MS = 2000;
const NAP_MS = 1;

/**
 * Standard error, for all that the process says. `write` never throws, and never waits for a reader: what standard error
 * doesn't accept, because its reader stalls or has gone or its disk is full, waits in memory and is tried again. Beyond
 * the bound the oldest entries are dropped, and an entry in their place says how many. The order is kept.
 *
 * process.stderr keeps what waits without a bound, loses it when the process ends, and reports each failure as an event
 * that ends the process. The streams of pino wait for a reader that stalls, and at a full disk for ever
 * (sonic-boom's flushSync).
 */
class StandardError {
  /** What is said in place of so many dropped entries, with a newline at its end. The logger gives it its own form. */
  lossText = (entries: number): string => `${entries} entries were lost here: standard error accepted nothing\n`;

  #descriptor: number | null = null;
  /** What is left of the entry that is being written. It is never dropped: others would continue its line. */
  #rest: Buffer = Buffer.alloc(0);
  /** Dropped between `#rest` and the first of `#waiting`. */
  #dropped = 0;
  readonly #waiting: string[] = [];
  #waitingLength = 0;
  #retry: NodeJS.Timeout | null = null;

  /** `entry` ends with a newline. */
  write(entry: string): void {
    this.#waiting.push(entry);
    this.#waitingLength += entry.length;
    this.#writeWaiting();
    while (this.#waitingLength > MOST_WAITING) {
      this.#takeFirst();
      this.#dropped += 1;
    }
  }

  /** Before the process ends: what waits for a reader gets two seconds; nothing waits for a full disk or a reader that has gone. */
  finish(): void {
    const deadline = performance.now() + LAST_WORDS_MS;
    while (this.#writeWaiting() === 'EAGAIN' && performance.now() < deadline) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP_MS);
    }
  }

  /** Writes as much as is accepted; returns the code of the error that stopped it. */
  #writeWaiting(): string | null {
    try {
      for (this.#prepareNext(); this.#rest.length > 0; this.#prepareNext()) {
        this.#descriptor ??= this.#open();
        this.#rest = this.#rest.subarray(writeSync(this.#descriptor, this.#rest));
      }
      return null;
    } catch (cause) {
      const { code = '' } = cause as NodeJS.ErrnoException;
      const retry = () => {
        this.#retry = null;
        this.#writeWaiting();
      };
      this.#retry ??= setTimeout(retry, code === 'EAGAIN' ? READER_RETRY_MS : FAULT_RETRY_MS).unref();
      return code;
    }
  }

  #prepareNext(): void {
    if (this.#rest.length > 0) return;
    if (this.#dropped > 0) {
      this.#rest = Buffer.from(this.lossText(this.#dropped));
      this.#dropped = 0;
    } else this.#rest = Buffer.from(this.#takeFirst());
  }

  /** Empty when nothing waits. */
  #takeFirst(): string {
    const first = this.#waiting.shift() ?? '';
    this.#waitingLength -= first.length;
    return first;
  }

  #open(): number {
    const descriptor = openWithoutWaiting();
    process.once('exit', () => this.finish());
    return descriptor;
  }
}

/** The one of this process. */
export const standardError = new StandardError();

/**
 * A descriptor of standard error at which a write fails with EAGAIN instead of waiting for a reader. Only a regular file
 * is written as it is, since its position is shared with whoever else writes there.
 */
function openWithoutWaiting(): number {
  // Node sets O_NONBLOCK when it first touches a pipe or a socket, but not for a terminal.
  void process.stderr;
  if (fstatSync(STDERR).isFile()) return STDERR;
  try {
    return openSync('/dev/stderr', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // A socket can't be opened, nor can what belongs to another user.
    return STDERR;
  }
}
