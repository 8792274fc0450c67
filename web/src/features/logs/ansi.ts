/** How text looks after the escape sequences before it; colours are CSS values, null is the log's own. */
export interface TextStyle {
  readonly color: string | null;
  readonly background: string | null;
  readonly isBold: boolean;
  readonly isFaint: boolean;
  readonly isItalic: boolean;
  readonly isUnderlined: boolean;
  readonly isInverse: boolean;
}

export interface StyledText {
  readonly text: string;
  readonly style: TextStyle;
}

export const PLAIN: TextStyle = {
  color: null,
  background: null,
  isBold: false,
  isFaint: false,
  isItalic: false,
  isUnderlined: false,
  isInverse: false,
};

// ECMA-48: control sequences (with their parameters and final byte), strings up to their terminator, other escapes,
// and control characters that draw nothing. A tab is text.
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b-\x1f\x7f]/g;

/** Splits a line into stretches of one style each. What isn't a colour or a weight is dropped, text never is. */
export function parseAnsi(line: string, start: TextStyle): { parts: readonly StyledText[]; end: TextStyle } {
  const parts: StyledText[] = [];
  let style = start;
  let from = 0;
  for (const match of line.matchAll(CONTROL)) {
    if (match.index > from) parts.push({ text: line.slice(from, match.index), style });
    from = match.index + match[0].length;
    if (match[2] === 'm') style = applyCodes(style, match[1] ?? '');
  }
  if (from < line.length) parts.push({ text: line.slice(from), style });
  return { parts, end: style };
}

/** Behind the escape sequence that begins at `start`, as far as it is there. */
export function controlEnd(text: string, start: number): number {
  const first = text.slice(start).matchAll(CONTROL).next().value;
  return start + (first?.index === 0 ? first[0].length : 0);
}

/** What is drawn of a line. */
export function visibleText(line: string): string {
  return line.replaceAll(CONTROL, '');
}

/** Select Graphic Rendition: "1;31", "38;5;208", "38;2;255;128;0", and the last two with colons. */
function applyCodes(style: TextStyle, parameters: string): TextStyle {
  const codes = parameters.split(';').map((group) => group.split(':').map(Number));
  let result = style;
  for (let index = 0; index < codes.length; index += 1) {
    const group = codes[index] ?? [];
    const code = group[0] ?? 0;
    if (code !== 38 && code !== 48) {
      result = applyCode(result, code);
      continue;
    }
    // With semicolons a colour's arguments are groups of their own, and are used up here.
    const mode = group.length > 1 ? group[1] : codes[index + 1]?.[0];
    const count = mode === 2 ? 3 : 1;
    const following = codes.slice(index + 2, index + 2 + count).map(([value]) => value ?? 0);
    const color = extendedColor(mode, group.length > 1 ? group.slice(-count) : following);
    if (group.length === 1) index += 1 + count;
    result = code === 38 ? { ...result, color } : { ...result, background: color };
  }
  return result;
}

function applyCode(style: TextStyle, code: number): TextStyle {
  if (code >= 30 && code <= 37) return { ...style, color: paletteColor(code - 30) };
  if (code >= 40 && code <= 47) return { ...style, background: paletteColor(code - 40) };
  if (code >= 90 && code <= 97) return { ...style, color: paletteColor(code - 90 + 8) };
  if (code >= 100 && code <= 107) return { ...style, background: paletteColor(code - 100 + 8) };
  return { ...style, ...CHANGES[code] };
}

const CHANGES: Readonly<Record<number, Partial<TextStyle>>> = {
  0: PLAIN,
  1: { isBold: true },
  2: { isFaint: true },
  3: { isItalic: true },
  4: { isUnderlined: true },
  7: { isInverse: true },
  22: { isBold: false, isFaint: false },
  23: { isItalic: false },
  24: { isUnderlined: false },
  27: { isInverse: false },
  39: { color: null },
  49: { background: null },
};

function extendedColor(mode: number | undefined, values: readonly number[]): string | null {
  if (mode === 2) return `rgb(${values.map(toByte).join(' ')})`;
  if (mode !== 5) return null;
  const index = toByte(values[0] ?? 0);
  if (index < 16) return paletteColor(index);
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const cube = index - 16;
  const levels = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6];
  return `rgb(${levels.map((level) => (level === 0 ? 0 : 55 + level * 40)).join(' ')})`;
}

/** One of the sixteen colours that a theme defines, `--ansi-0` to `--ansi-15`. */
function paletteColor(index: number): string {
  return `var(--ansi-${index})`;
}

function toByte(value: number): number {
  return Number.isFinite(value) ? Math.min(255, Math.max(0, Math.trunc(value))) : 0;
}
