/**
 * As Slurm reads a size (src/common/proc_args.c, str_to_mbytes): MB unless it says otherwise, and kB
 * rounded up. Null: it is no size.
 */
export function readMegabytes(value: string | null): number | null {
  const [, digits, unit = 'm'] = /^(\d+)([kmgt])?b?$/i.exec(value ?? '') ?? [];
  if (digits === undefined) return null;
  const factors: Readonly<Record<string, number>> = { k: 1 / 1024, m: 1, g: 1024, t: 1024 ** 2 };
  return Math.ceil(Number(digits) * (factors[unit.toLowerCase()] ?? 1));
}

/**
 * As Slurm reads a time limit (src/common/parse_time.c, time_str2mins): seconds are rounded up to a
 * minute. Null: it is no time.
 */
export function readMinutes(value: string | null): number | null {
  const [, days, hours, rest] = /^(\d+)-(\d+)((?::\d+){0,2})$/.exec(value ?? '') ?? [];
  const parts = (text: string) => text.split(':').map(Number);
  let seconds: number;
  if (days !== undefined) {
    const [, minute = 0, second = 0] = parts(rest ?? '');
    seconds = ((Number(days) * 24 + Number(hours)) * 60 + minute) * 60 + second;
  } else {
    if (!/^\d+(?::\d+){0,2}$/.test(value ?? '')) return null;
    const [first = 0, second = 0, third] = parts(value ?? '');
    seconds = third === undefined ? first * 60 + second : (first * 60 + second) * 60 + third;
  }
  return Math.ceil(seconds / 60);
}
