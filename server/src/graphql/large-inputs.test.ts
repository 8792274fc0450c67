import { encodeGlobalID } from '@pothos/plugin-relay';
import {
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isRequiredInputField,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { SIGNS } from '../../test/fuzz/measure.ts';
import type { Outcome, Refusal } from '../domain/refusal.ts';
import type { Payload } from './errors.ts';
import { localId } from './ids.ts';
import { schema } from './schema.ts';

/** Close to the most that the body of a request holds, and the values in it (API.md, "Limits"). */
const MOST_CHARACTERS = 900 * 1024;
const MOST_ENTRIES = 9000;

const PIECES = [...SIGNS, '-H ', '-n1 -n2 ', '#SBATCH -H\n', '#PBS\n', '--gres=a ', 'a://b ', '0-9,', 'gpu:a:1,', '%2'];

/** Large texts: one piece again and again, and a list of ever different ones. */
function* largeTexts(): Generator<string> {
  for (const piece of PIECES) yield piece.repeat(MOST_CHARACTERS / piece.length);
  yield `--gres=${Array.from({ length: MOST_CHARACTERS / 6 }, (_, index) => index.toString(36)).join(',')}`;
}

interface Place {
  /** Of a field in the input. */
  readonly path: readonly string[];
  readonly type: GraphQLInputType;
}

/** Every text and list in an input, and in the entries of its lists; ids have a test of their own. */
function* places(type: GraphQLInputType, path: readonly string[] = []): Generator<Place> {
  const named = getNamedType(type);
  if (!isInputObjectType(named)) return;
  for (const field of Object.values(named.getFields())) {
    const { name, type: kind } = { name: field.name, type: getNullableType(field.type) };
    const isText = !isListType(kind) && getNamedType(kind).name === 'String';
    if (isListType(kind) || isText) yield { path: [...path, name], type: kind };
    yield* places(kind, [...path, name]);
  }
}

/** The least that a type takes. */
function least(type: GraphQLInputType): unknown {
  const kind = getNullableType(type);
  if (isListType(kind)) return [];
  if (isEnumType(kind)) return kind.getValues()[0]?.value;
  if (!isInputObjectType(kind)) return 'a';
  const required = Object.values(kind.getFields()).filter(isRequiredInputField);
  return Object.fromEntries(required.map((field) => [field.name, least(field.type)]));
}

/** The least input with this at a place; a list on the way has one entry. */
function inputWith(type: GraphQLInputType, path: readonly string[], value: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  const kind = getNullableType(type);
  if (isListType(kind)) return [inputWith(kind.ofType, path, value)];
  if (!isInputObjectType(kind)) throw new Error(`${path.join('.')} is in no input object`);
  const field = kind.getFields()[name];
  if (field === undefined) throw new Error(`${kind.name} has no field ${name}`);
  return { ...(least(kind) as object), [name]: inputWith(field.type, rest, value) };
}

function* largeValues({ type }: Place): Generator<unknown> {
  if (!isListType(type)) return yield* largeTexts();
  yield Array.from({ length: MOST_ENTRIES }, (_, index) =>
    isInputObjectType(getNamedType(type)) ? least(type.ofType) : `--a${index}${'x'.repeat(90)}`,
  );
  if (getNamedType(type).name === 'String') for (const text of largeTexts()) yield [text];
}

/** Fails as soon as any part of it is used. */
function untouchable(what: string): never {
  return new Proxy({}, { get: (_target, name) => fail(`${what}.${String(name)}`) }) as never;
}

function fail(what: string): never {
  throw new Error(`${what} was used for an input that is too large`);
}

const ACTOR = { user: { id: 'ada', name: 'Ada', role: 'ADMIN' }, via: 'TOKEN' } as const;
const CONTEXT = {
  actor: ACTOR,
  ...{ store: untouchable('store'), journal: untouchable('journal') },
  ...{ clusters: untouchable('clusters'), staging: untouchable('staging') },
};
const mutations = Object.values(schema.getMutationType()?.getFields() ?? {}).flatMap(({ name, args, resolve }) => {
  const input = args.find((one) => one.name === 'input');
  return input === undefined || resolve === undefined ? [] : [{ name, type: input.type, resolve }];
});
const cases = mutations.flatMap(({ name, type, resolve }) =>
  [...places(type)].map((place) => ({ name: `${name}(${place.path.join('.')})`, type, resolve, place })),
);

async function refusalsOf(
  { resolve, type, place }: (typeof cases)[number],
  value: unknown,
): Promise<readonly Refusal[]> {
  const input = inputWith(type, place.path, value);
  const answer = (await resolve({}, { input }, CONTEXT, {} as never)) as Payload<unknown> | readonly Outcome<unknown>[];
  if ('userErrors' in answer) return answer.userErrors;
  return answer.flatMap((outcome) => (outcome.ok ? [] : outcome.refusals));
}

describe('the input of a mutation', () => {
  it('is found in the schema', () => {
    expect(mutations.length).toBeGreaterThan(15);
    expect(cases.length).toBeGreaterThan(30);
  });

  it.each(cases)('$name is refused for its size before anything else is done', async (one) => {
    const { path } = one.place;
    for (const value of largeValues(one.place)) {
      const refusals = await refusalsOf(one, value);
      expect(refusals).not.toEqual([]);
      for (const { message } of refusals) expect(message).toMatch(/at most \d|longer than \d/);
      expect(
        refusals.some((refusal) => refusal.path.includes(path[0] ?? '')),
        path.join('.'),
      ).toBe(true);
      expect(refusals.length).toBeLessThan(3);
      expect(Math.max(...refusals.map(({ message }) => message.length))).toBeLessThan(200);
    }
  });

  it('names nothing with an id that is too large', () => {
    for (const text of largeTexts()) expect(localId(encodeGlobalID('Job', text), 'Job')).toBe('');
  });
});
