import { type Job, type LogStream, logPath } from '../domain/job.ts';
import { type FoundMatch, type RemoteFiles, SearchPatternError } from '../ssh/index.ts';
import { decodeBytes, LOOK_BACK_BYTES } from './utf8.ts';

const REQUEST_TIMEOUT_MS = 60_000;
/** The most bytes of one search, which says where to continue. */
export const SEARCH_BYTES = 1024 ** 3;
/** How far back the beginning of a line is searched; a longer line counts as beginning there. */
const LOOK_FOR_LINE_BYTES = 1024 * 1024;
const LINE_PIECE_BYTES = 64 * 1024;
/** Of a line's text. */
const TEXT_BYTES = 1000;
/** How much of a long line precedes a match. */
const LEAD_BYTES = 200;
/** Texts that are this close together are read at once. */
const READ_TOGETHER_BYTES = 256 * 1024;
const NEWLINE = 0x0a;
export const LONGEST_PATTERN = 1000;

export interface LogSearch {
  readonly stream: LogStream;
  readonly pattern: string;
  readonly isRegex: boolean;
  readonly ignoresCase: boolean;
  /** The most matches to return. */
  readonly limit: number;
  /** Byte offset of the first byte that may be part of a match. */
  readonly after: number;
}

export interface LogMatch {
  /** 1 is the first. */
  readonly lineNumber: number;
  readonly lineOffset: number;
  readonly matchOffset: number;
  /** A part of the line that contains the beginning of the match. */
  readonly text: string;
  /** Where `text` begins. */
  readonly textOffset: number;
  readonly isTextCut: boolean;
}

export interface LogSearchResult {
  readonly matches: readonly LogMatch[];
  readonly hasMore: boolean;
  /** Where a further search continues. */
  readonly endOffset: number;
  readonly bytesSearched: number;
}

/**
 * Searches a job's log for a pattern, on the cluster. Null if there is no such file (yet). Throws what
 * RemoteFiles.search throws.
 */
export async function searchLog(files: RemoteFiles, job: Job, search: LogSearch): Promise<LogSearchResult | null> {
  const path = logPath(job, search.stream);
  const options = { timeoutMs: REQUEST_TIMEOUT_MS };
  const status = path === null ? null : await files.stat(path, options);
  if (path === null || status === null) return null;
  const after = Math.max(0, search.after);
  if (after >= status.sizeBytes) return { matches: [], hasMore: false, endOffset: status.sizeBytes, bytesSearched: 0 };

  const read = (offset: number, length: number) => files.read(path, offset, length, options);
  const from = (await lineStart(read, after)) ?? after;
  // Only whole lines: a part of a line may match differently.
  const end = await wholeLinesEnd(read, from, status.sizeBytes);
  const { pattern, isRegex, ignoresCase, limit } = search;
  const question = {
    pattern,
    isRegex,
    ignoresCase,
    from,
    length: end < status.sizeBytes ? end - from : null,
    after,
    limit,
  };
  const found = await files.search(path, question, options);
  // What was written meanwhile is left for the next search.
  const matches = found.matches.filter(({ matchOffset }) => matchOffset < end);
  const further = matches[limit];
  const endOffset = further?.matchOffset ?? end;
  const told = matches.slice(0, limit);
  return {
    matches: await withTexts(read, told, found.linesBefore),
    hasMore: further !== undefined || end < status.sizeBytes,
    endOffset,
    bytesSearched: endOffset - after,
  };
}

type Read = (offset: number, length: number) => Promise<Buffer>;

/** The beginning of the line of a byte; null if it is too far away. */
async function lineStart(read: Read, offset: number): Promise<number | null> {
  for (let end = offset; end > 0; end -= LINE_PIECE_BYTES) {
    if (offset - end >= LOOK_FOR_LINE_BYTES) return null;
    const start = Math.max(0, end - LINE_PIECE_BYTES);
    const newline = (await read(start, end - start)).lastIndexOf(NEWLINE);
    if (newline !== -1) return start + newline + 1;
  }
  return 0;
}

/** The position after the last whole line of the searched part. */
async function wholeLinesEnd(read: Read, from: number, sizeBytes: number): Promise<number> {
  const most = from + SEARCH_BYTES;
  if (sizeBytes <= most) return sizeBytes;
  const start = await lineStart(read, most);
  return start === null || start <= from ? most : start;
}

async function withTexts(read: Read, matches: readonly FoundMatch[], linesBefore: number): Promise<LogMatch[]> {
  const wanted = matches.map((match) => {
    const isDeep = match.matchOffset - match.lineOffset > TEXT_BYTES - LEAD_BYTES;
    return { match, textOffset: isDeep ? match.matchOffset - LEAD_BYTES : match.lineOffset };
  });
  const told: LogMatch[] = [];
  let bytes: Buffer = Buffer.alloc(0);
  let bytesOffset = 0;
  for (const [index, { match, textOffset }] of wanted.entries()) {
    const start = Math.max(0, textOffset - LOOK_BACK_BYTES);
    // One byte more shows whether the line continues.
    const end = textOffset + TEXT_BYTES + 1;
    if (start < bytesOffset || end > bytesOffset + bytes.length) {
      const last = wanted.findLast((other, later) => later >= index && other.textOffset - start < READ_TOGETHER_BYTES);
      bytes = await read(start, (last?.textOffset ?? textOffset) + TEXT_BYTES + 1 - start);
      bytesOffset = start;
    }
    const position = textOffset - bytesOffset;
    const line = bytes.subarray(position, position + TEXT_BYTES + 1);
    const newline = line.indexOf(NEWLINE);
    const isEnd = newline !== -1 || line.length <= TEXT_BYTES;
    const before = bytes.subarray(Math.max(0, position - LOOK_BACK_BYTES), position);
    const { text, skipped } = decodeBytes(line.subarray(0, newline === -1 ? TEXT_BYTES : newline), { before, isEnd });
    told.push({
      lineNumber: linesBefore + match.lineIndex + 1,
      lineOffset: match.lineOffset,
      matchOffset: match.matchOffset,
      text,
      textOffset: textOffset + skipped,
      isTextCut: !isEnd || textOffset > match.lineOffset,
    });
  }
  return told;
}

/** What is wrong with a pattern before the cluster is asked; null: nothing. Pure. */
export function patternFault(pattern: string, isRegex: boolean): string | null {
  if (pattern === '') return 'It is empty';
  if (pattern.length > LONGEST_PATTERN) return `It has ${pattern.length} characters, at most ${LONGEST_PATTERN}`;
  if (/[\n\0]/.test(pattern)) return 'It must be one line without NUL';
  // Everything else takes time linear in the file.
  if (isRegex && /^(?:[^\\]|\\[^1-9])*\\[1-9]/.test(pattern)) return 'Back-references are not supported';
  return null;
}

/** Whether a search failed because of its pattern; the message says what is wrong with that. */
export function isSearchPatternFault(cause: unknown): cause is Error {
  return cause instanceof SearchPatternError;
}
