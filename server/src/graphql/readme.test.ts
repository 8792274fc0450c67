import { readFile } from 'node:fs/promises';
import { type DefinitionNode, Kind, parse, validate } from 'graphql';
import { expect, it } from 'vitest';
import { schema } from './schema.ts';

it('every GraphQL block of the README can be pasted whole: one operation that the schema has', async () => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
  const blocks = [...readme.matchAll(/```graphql\n([\s\S]*?)```/g)].map(([, text = '']) => parse(text));
  expect(blocks.length).toBeGreaterThan(1);
  const isOperation = ({ kind }: DefinitionNode) => kind === Kind.OPERATION_DEFINITION;
  for (const document of blocks) {
    expect(document.definitions.filter(isOperation)).toHaveLength(1);
    expect(validate(schema, document)).toEqual([]);
  }
});
