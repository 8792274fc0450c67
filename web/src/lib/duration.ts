/** As Slurm writes it: "4:05", "2:14:09", "1-03:20:11". */
export function formatElapsed(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3_600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  const tail = `${pad(minutes)}:${pad(whole % 60)}`;
  if (days > 0) return `${days}-${pad(hours)}:${tail}`;
  return hours > 0 ? `${hours}:${tail}` : tail.replace(/^0/, '');
}

/** A time limit in words: "45 min", "8 h", "1 d 12 h". */
export function formatMinutes(minutes: number): string {
  const parts = [
    [Math.floor(minutes / 1_440), 'd'],
    [Math.floor(minutes / 60) % 24, 'h'],
    [minutes % 60, 'min'],
  ] as const;
  const words = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`);
  return words.length > 0 ? words.join(' ') : '0 min';
}

/**
 * Reads a time limit into whole minutes, null when it is none. Takes every form that `sbatch --time` takes (90,
 * 90:00, 1:30:00, 2-12, 2-12:00, 2-12:00:00; seconds round up to the next minute) and words: 8h, 1h30m, 2d.
 */
export function parseTimeLimit(text: string): number | null {
  const trimmed = text.trim().toLowerCase();
  const minutes = parseWords(trimmed) ?? parseColons(trimmed);
  return minutes === null || minutes <= 0 ? null : minutes;
}

function parseWords(text: string): number | null {
  const words = text.replaceAll(/\s+/g, ' ');
  const match = /^(?:(\d+) ?d(?:ays?)?)? ?(?:(\d+) ?h(?:ours?)?)? ?(?:(\d+) ?m(?:in(?:ute)?s?)?)?$/.exec(words);
  if (match === null || text === '') return null;
  const [, days = '0', hours = '0', minutes = '0'] = match;
  return Number(days) * 1_440 + Number(hours) * 60 + Number(minutes);
}

function parseColons(text: string): number | null {
  const match = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/.exec(text);
  if (match === null) return null;
  const [, days, first = '0', second, third] = match;
  const [hours, minutes, seconds] = split(days !== undefined, [Number(first), number(second), number(third)]);
  return Number(days ?? 0) * 1_440 + hours * 60 + minutes + Math.ceil(seconds / 60);
}

/** What the leading number counts depends on how many follow, and on whether days stand before it. */
function split(
  hasDays: boolean,
  [first, second, third]: [number, number | null, number | null],
): [number, number, number] {
  if (hasDays) return [first, second ?? 0, third ?? 0];
  if (second === null) return [0, first, 0];
  return third === null ? [0, first, second] : [first, second, third];
}

function number(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
