import type { Judged, Row } from './benchmark.ts';

const HEAD = ['benchmark', 'work', 'ours', 'against', '', 'ratio', 'goal', ''] as const;
const NUMBERS: ReadonlySet<number> = new Set([2, 4, 5]);

/** The rows as a table for a terminal. */
export function table(results: readonly { readonly benchmark: string; readonly rows: readonly Judged[] }[]): string {
  const lines = results.flatMap(({ benchmark, rows }) => rows.map((row) => [benchmark, ...cells(row)]));
  const widths = HEAD.map((head, column) => Math.max(...[HEAD, ...lines].map((line) => (line[column] ?? head).length)));
  const ruler = widths.map((width) => '-'.repeat(width));
  return [[...HEAD], ruler, ...lines]
    .map((line) =>
      line
        .map((cell, column) => cell[NUMBERS.has(column) ? 'padStart' : 'padEnd'](widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cells({ work, unit, ours, against, ratio, goal, isMet }: Judged): string[] {
  return [
    work,
    quantity(ours, unit),
    against.name,
    quantity(against.figure, unit),
    ratio === null ? '' : figure(ratio),
    'atMost' in goal ? `≤ ${figure(goal.atMost)}` : `≥ ${figure(goal.atLeast)}`,
    isMet ? 'pass' : 'falls short',
  ];
}

function quantity(value: number, unit: Row['unit']): string {
  return `${figure(value)}${unit.startsWith('/') ? '' : ' '}${unit}`;
}

/** Three digits that count, and no more than that. */
function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}
