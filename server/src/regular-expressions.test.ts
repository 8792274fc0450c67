import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RegExpParser, visitRegExpAST } from '@eslint-community/regexpp';
import { getFirstConsumedChar } from 'regexp-ast-analysis';
import { parseAst } from 'rolldown/parseAst';
import { analyse } from 'scslre';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIRECTORIES = ['server/src', 'web/src', 'local-slurm/src'];

interface Expression {
  readonly at: string;
  readonly source: string;
  readonly flags: string;
}

/** What a program's text holds: every regular expression that is written out, and each that is put together. */
function expressionsIn(text: string, file: string): { written: Expression[]; made: string[] } {
  const written: Expression[] = [];
  const made: string[] = [];
  const open: unknown[] = [parseAst(text, { lang: file.endsWith('x') ? 'tsx' : 'ts' })];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    const parts = Object.values(node);
    for (const part of parts) if (typeof part === 'object' && part !== null) open.push(part);
    const { type, start, regex, callee } = node as {
      type?: string;
      start?: number;
      regex?: { pattern: string; flags: string };
      callee?: { type?: string; name?: string };
    };
    const at = () => `${file}:${text.slice(0, start).split('\n').length}`;
    if (type === 'Literal' && regex) written.push({ at: at(), source: regex.pattern, flags: regex.flags });
    if (callee?.type === 'Identifier' && callee.name === 'RegExp') made.push(at());
  }
  return { written, made };
}

/** Why its time may grow faster than the text that it is held against; empty: it doesn't. */
function faultsOf({ source, flags }: Pick<Expression, 'source' | 'flags'>): string[] {
  const neighbours = analyse({ source, flags }).reports.map(({ type }) => type);
  return [...neighbours, ...choicesThatOverlap(source, flags)];
}

/** Repeated choices of which two may begin alike: what scslre doesn't look for. */
function choicesThatOverlap(source: string, flags: string): string[] {
  const literal = new RegExpParser().parseLiteral(`/${source}/${flags}`);
  const faults: string[] = [];
  visitRegExpAST(literal, {
    onQuantifierEnter({ max, element, raw }) {
      if (max !== Number.POSITIVE_INFINITY || !('alternatives' in element)) return;
      const begins = element.alternatives.map((one) => getFirstConsumedChar(one, 'ltr', literal.flags).char);
      const overlap = begins.some((one, index) => begins.slice(0, index).some((other) => !one.isDisjointWith(other)));
      if (overlap) faults.push(`choices in ${raw} begin alike`);
    },
  });
  return faults;
}

const files = DIRECTORIES.flatMap((directory) =>
  readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' }).map((name) => `${directory}/${name}`),
).filter((file) => /\.tsx?$/.test(file) && !/(?:\.test|\.releases|\/testing)\.tsx?$/.test(file));
const found = files.map((file) => expressionsIn(readFileSync(join(ROOT, file), 'utf8'), file));

describe('the regular expressions of server, web and local-slurm', () => {
  it('take time that grows with the text alone', () => {
    const written = found.flatMap((one) => one.written);
    expect(written.length).toBeGreaterThan(200);
    expect(written.flatMap((one) => faultsOf(one).map((fault) => `${one.at}: ${fault}`))).toEqual([]);
  });

  // What is put together while the program runs can't be looked at here.
  it('are written out', () => {
    expect(found.flatMap(({ made }) => made)).toEqual([]);
  });
});

describe('a regular expression that takes ever longer', () => {
  it.each([
    ['/^(?:a+)+$/', 'a repetition of repetitions'],
    ['/^(?:a|aa)*b/', 'choices that overlap'],
    ['/^(?:\\w|\\d)*$/', 'choices of the same signs'],
    ['/^\\d+[\\d_]*: /', 'neighbours that overlap'],
    ['/^(.*?) \\[[^\\s\\]]+@[^\\s\\]]+\\]/', 'a part that may begin anywhere'],
    ['/,(?![^(]*\\))/', 'a look ahead from each place'],
    ['/[.-]+$/', 'an end that is looked for from each place'],
    ['/^\\s*([^\\s=]*)\\s*=?(.*)$/s', 'blanks that belong to two parts'],
  ])('is found: %s, %s', (literal) => {
    const { written } = expressionsIn(`const x = ${literal};`, 'x.ts');
    expect(written.flatMap(faultsOf)).not.toEqual([]);
  });

  it('is refused where it is put together', () => {
    expect(expressionsIn('const x = new RegExp(a); const y = RegExp(b);', 'x.ts').made).toEqual(['x.ts:1', 'x.ts:1']);
  });
});
