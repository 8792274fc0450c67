const LAST_DATE_MS = 8_640_000_000_000_000;

/** With its length before it (RFC 4251 section 5). */
export function wire(value: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, value]);
}

/** Reads RFC 4251's types one after the other. Each method throws if bytes are missing. */
export class WireReader {
  readonly #data: Buffer;
  #position = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get isAtEnd(): boolean {
    return this.#position === this.#data.length;
  }

  skip(bytes: number): number {
    const start = this.#position;
    if (start + bytes > this.#data.length) throw new Error('it is cut off');
    this.#position += bytes;
    return start;
  }

  byte(): number {
    return this.#data.readUInt8(this.skip(1));
  }

  uint32(): number {
    return this.#data.readUInt32BE(this.skip(4));
  }

  string(): Buffer {
    const length = this.uint32();
    const start = this.skip(length);
    return this.#data.subarray(start, start + length);
  }

  text(): string {
    return this.string().toString('utf8');
  }

  texts(): string[] {
    const texts: string[] = [];
    while (!this.isAtEnd) texts.push(this.text());
    return texts;
  }

  /** Seconds since 1970; "forever" is the last date that there is. */
  date(): Date {
    const seconds = this.#data.readBigUInt64BE(this.skip(8));
    return new Date(Math.min(Number(seconds) * 1000, LAST_DATE_MS));
  }

  /** What has been read so far. */
  read(): Buffer {
    return this.#data.subarray(0, this.#position);
  }
}
