const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "3 min ago", "in 2 h"; a date once it is more than a month away. Both in milliseconds. */
export function formatRelative(at: number, now: number): string {
  const seconds = Math.round((now - at) / 1_000);
  const distance = Math.abs(seconds);
  if (distance < 5) return 'just now';
  if (distance >= 30 * DAY) return day.format(at);
  const length = roughLength(distance);
  return seconds > 0 ? `${length} ago` : `in ${length}`;
}

/** To the second, in the reader's own time zone and language. */
export function formatExact(at: number): string {
  return exact.format(at);
}

function roughLength(seconds: number): string {
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}
