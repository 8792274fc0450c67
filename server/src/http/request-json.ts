/** Twice as many as the variables of an operation may have. More would take long to parse. */
export const MOST_VALUES = 20_000;
/** What a value takes once it is parsed, `{}` for instance: 45 to 65 were measured. */
const BYTES_A_VALUE = 64;

/** A request is not even parsed. */
export class TooManyValues extends Error {
  override readonly name = 'TooManyValues';

  constructor() {
    super(`A request contains at most ${MOST_VALUES} values`);
  }
}

/** Of a text. In the rest of a longer one, its end is searched for. */
const SHORT_BYTES = 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const BRACKET = 0x5b;
const BRACE = 0x7b;

/**
 * What a JSON text takes in memory once it is parsed, in bytes, beside its own length. Found without parsing it, so it
 * may be no JSON at all. Throws TooManyValues.
 */
export function weightOf(json: Buffer): number {
  let values = 0;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) at = endOfString(json, at);
    else if (byte === COMMA || byte === BRACKET || byte === BRACE) values += 1;
    if (values > MOST_VALUES) throw new TooManyValues();
  }
  return values * BYTES_A_VALUE;
}

function endOfString(json: Buffer, start: number): number {
  // Byte by byte, because a request may have many short texts. A call of indexOf takes as long as some ten of them.
  for (let at = start + 1, next = at + SHORT_BYTES; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at += 1;
    else if (at >= next) {
      // Documents are long and have few escapes.
      const quote = json.indexOf(QUOTE, at);
      if (quote === -1) return json.length;
      if (json[quote - 1] !== BACKSLASH) return quote;
      next = Number.POSITIVE_INFINITY;
    }
  }
  return json.length;
}
