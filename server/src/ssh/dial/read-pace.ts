import type { Duplex } from 'node:stream';

/** Of the work that packets are, by which a packet of AES is 1: so much at once, and so much in a second. A tenth of a second each. */
const MOST_WORK = 20_000;
const WORK_A_SECOND = 20_000;
/** ssh2 (1.17) makes three cipher objects for each of its packets, and computes Poly1305 in WebAssembly. */
const CHACHA_WORK = 10;
/** So many bytes in a packet pay for a packet of AES: real servers fill them. */
const BYTES_FOR_WORK = 64;

/**
 * Reads a server's data no faster than its packets may cost. A packet costs the same whatever it carries, so a server that
 * puts each byte into one of its own could occupy this side for good with little. It is no fault: a command may print
 * byte by byte. Such a server waits until its data is read.
 */
export class ReadPace {
  readonly #socket: Duplex;
  #packet = 1;
  /** Less than none: the socket is paused until there is some. */
  #left = MOST_WORK;
  #countedAt = performance.now();
  #isPaused = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Of the packets that come from now on. */
  set cipher(name: string) {
    this.#packet = name.startsWith('chacha20') ? CHACHA_WORK : 1;
  }

  /** A packet with so many bytes of data has come. */
  count(bytes: number): void {
    const work = this.#packet - bytes / BYTES_FOR_WORK;
    if (work <= 0) return;
    this.#refill();
    this.#left -= work;
    if (this.#left < 0 && !this.#isPaused) this.#pause();
  }

  #refill(): void {
    const now = performance.now();
    this.#left = Math.min(MOST_WORK, this.#left + ((now - this.#countedAt) / 1000) * WORK_A_SECOND);
    this.#countedAt = now;
  }

  #pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
    const goOn = () => {
      this.#refill();
      if (this.#left < 0) {
        setTimeout(goOn, (-1000 * this.#left) / WORK_A_SECOND);
        return;
      }
      this.#isPaused = false;
      this.#socket.resume();
    };
    // What has come in the same turn counts, too.
    setImmediate(goOn);
  }
}
