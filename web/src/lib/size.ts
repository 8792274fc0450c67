const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** "512 B", "1.4 MB"; thousands, as file managers count. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit: (typeof UNITS)[number] = 'B';
  for (const next of UNITS.slice(1)) {
    if (value < 1_000) break;
    value /= 1_000;
    unit = next;
  }
  return `${unit === 'B' || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${unit}`;
}

/** Slurm counts memory in MiB and calls them MB; so does this: "512 MB", "64 GB". */
export function formatMemory(megabytes: number): string {
  return megabytes < 1_024 ? `${megabytes} MB` : `${Number((megabytes / 1_024).toFixed(1))} GB`;
}

/** Reads "64", "64 GB", "512M" or "1.5T" into Slurm's MB; a bare number counts GB. Null when it is no size. */
export function parseMemory(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([mgt])?(?:i?b)?$/.exec(text.trim().toLowerCase());
  if (match === null) return null;
  const factor = { m: 1, g: 1_024, t: 1_024 * 1_024 }[match[2] ?? 'g'] ?? 1_024;
  const megabytes = Math.round(Number(match[1]) * factor);
  return megabytes > 0 ? megabytes : null;
}
