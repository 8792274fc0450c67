/**
 * `text`, of which no more than `most` UTF-16 units are kept: what is cut is counted in what is kept,
 * "… (8,000,000 characters cut)". So each text from outside is bounded where it enters. Never longer than `most`, and
 * never the half of a character. `beyond`: so many more were left out before. `keep`: which end of it tells more; of
 * both, the start has most of the room.
 */
export function bounded(
  text: string,
  most: number,
  { beyond = 0, keep = 'start' }: { readonly beyond?: number; readonly keep?: 'start' | 'end' | 'both' } = {},
): string {
  if (text.length <= most && beyond === 0) return text;
  const room = Math.min(text.length, Math.max(0, most - cutMark(text.length + beyond).length - 2));
  const atStart = keep === 'start' ? room : keep === 'end' ? 0 : Math.ceil(room * 0.75);
  const start = ownText(text.slice(0, atStart)).replace(/[\ud800-\udbff]$/, '');
  const end = ownText(text.slice(text.length - (room - atStart))).replace(/^[\udc00-\udfff]/, '');
  const mark = cutMark(text.length + beyond - start.length - end.length);
  return `${start}${mark}${end === '' ? '' : ` …${end}`}`;
}

/** The same text in memory of its own. What is cut out of a large answer otherwise keeps the whole answer in memory. */
export function ownText(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}

function cutMark(count: number): string {
  return `… (${count.toLocaleString('en-US')} characters cut)`;
}

/** The lines of a text, one after the other: of a large one no more is made than is asked for. */
export function* linesOf(text: string): Generator<string> {
  let from = 0;
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
    yield text.slice(from, end);
    from = end + 1;
  }
  yield text.slice(from);
}

/** The parts between separators, of which those within a pair of `brackets`, such as "()", separate nothing. */
export function* partsOf(text: string, separator: string, brackets: string): Generator<string> {
  let from = 0;
  let isInside = false;
  for (let index = 0; index < text.length; index += 1) {
    const sign = text[index];
    if (sign === brackets[0]) isInside = true;
    else if (sign === brackets[1]) isInside = false;
    else if (sign === separator && !isInside) {
      yield text.slice(from, index);
      from = index + 1;
    }
  }
  yield text.slice(from);
}

const LONGEST_NAME = 60;

/** The name in quotes, of what should have been one: behind it there may be a value, and that may be a secret. */
export function quotedName(text: string): string {
  const name = /^[^=\s]*/.exec(text)?.[0] ?? '';
  const cut = name.length > LONGEST_NAME ? name.slice(0, LONGEST_NAME) : name;
  return JSON.stringify(cut === text ? text : `${cut}…`);
}
