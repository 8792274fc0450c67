import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const FILE = new URL('../../docs/security.md', import.meta.url);
const TEXT = readFileSync(FILE, 'utf8');
const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Of a row "| what | 5 s | [`NAME`](path) |". */
interface Figure {
  readonly told: string;
  readonly name: string;
  readonly path: string;
}

const FIGURES: readonly Figure[] = [...TEXT.matchAll(/^\|[^|]*\| ([^|]*) \| \[`(\w+)`\]\(([^)]*)\) \|$/gm)].map(
  ([, told = '', name = '', path = '']) => ({ told, name, path }),
);

/** What the document says, in the unit of the constant. */
function toldValue({ told, name }: Figure): number {
  const [, figure = '', unit = ''] = /^([\d,]+)(?: (\w+))?/.exec(told) ?? [];
  const scale = unit === 's' && /ms$/i.test(name) ? 1000 : (UNITS[unit] ?? 1);
  return Number(figure.replaceAll(',', '')) * scale;
}

/** What the code says: a product of numbers behind the name. */
function heldValue({ name, path }: Figure): number {
  const [, value = ''] = new RegExp(`\\b${name}(?: =|:) ([\\d_ *]+)[;,]`).exec(source(path)) ?? [];
  const power = (factor: string) => {
    const [base, exponent = 1] = factor.replaceAll('_', '').split(' ** ').map(Number);
    return (base ?? Number.NaN) ** exponent;
  };
  return value
    .split(/ \* /)
    .map(power)
    .reduce((left, right) => left * right);
}

const source = (path: string) => readFileSync(new URL(path, FILE), 'utf8');

describe('docs/security.md', () => {
  it('has figures', () => {
    expect(FIGURES.length).toBeGreaterThan(30);
  });

  it.each(FIGURES)('has $told for $name as the code has it', (figure) => {
    expect(toldValue(figure)).toBe(heldValue(figure));
  });

  it('leads to files that are there', () => {
    const links = [...TEXT.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path);
    expect(links.filter((path) => !existsSync(new URL(path, FILE)))).toEqual([]);
  });
});
