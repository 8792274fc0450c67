import type { Target } from './target.ts';

/** By so much a reader may be slower than a plain walk over the same text. */
const SLOWER = 300;
/** What the engine compiles and collects meanwhile, in ms, beside others that use the same core. */
const SLACK_MS = 150;
/** What the tasks of the largest arrays, or the names of all nodes, come to. */
const MOST_MADE = 16 * 1024 * 1024;

/** What separates, quotes, nests or counts somewhere, and what is half of a character. */
export const SIGNS = [
  ...['\n', '\r', '\t', '\0', '\x1b', '\x1e', '\x1f', ' ', ',', ':', ';', '=', '(', ')', '[', ']', '{', '<', '+', '-'],
  ...['%', '/', '\\', '"', "'", '#', '!', '@', '.', '_', '*', '&', '|', '$', '0', '9', 'a', 'é', '\ud800', '\u2028'],
];

/** This thread's own time: what else the machine does makes no difference. */
export function cpuMs(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** What a plain walk takes for so many characters. */
function walkMs(text: string): number {
  return cpuMs(() => {
    let sum = 0;
    for (let index = 0; index < text.length; index += 1) sum += text.charCodeAt(index);
    return sum;
  });
}

export const REFUSED = Symbol('refused in its own way');

/** What a reader says of a text. */
export function said({ read, refuses }: Target, text: string): unknown {
  try {
    return read(text);
  } catch (cause) {
    if (refuses.some((kind) => cause instanceof kind)) return REFUSED;
    throw cause;
  }
}

/** How much has been made: each value, each entry, each character of a text. */
export function sizeOf(value: unknown): number {
  const open: unknown[] = [value];
  const seen = new Set<unknown>();
  let size = 0;
  for (let next = open.pop(); open.length > 0 || next !== undefined; next = open.pop()) {
    size += typeof next === 'string' ? next.length : 1;
    if (typeof next !== 'object' || next === null || seen.has(next) || Buffer.isBuffer(next)) continue;
    seen.add(next);
    const parts =
      next instanceof Map ? [...next.keys(), ...next.values()] : next instanceof Set ? next : Object.values(next);
    for (const part of parts) if (part !== undefined) open.push(part);
  }
  return size;
}

/** Whether what is made of a text is more than the text and the limits of what it names account for. */
export function isTooMuch(made: number, text: string): boolean {
  return made > MOST_MADE && made > 40 * text.length;
}

/** Whether a reader takes longer than it may; what else the engine and a busy machine do meanwhile, they do not each time. */
export function isSlow(target: Target, given: string): boolean {
  const isLate = () => cpuMs(() => said(target, given)) > SLOWER * walkMs(given) + SLACK_MS;
  return Array.from({ length: 5 }).every(isLate);
}
