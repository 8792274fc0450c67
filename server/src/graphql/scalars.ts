import { GraphQLError, Kind } from 'graphql';
import { builder } from './builder.ts';

builder.scalarType('DateTime', {
  description: 'An instant in RFC 3339, always given in UTC: "2026-01-31T12:00:00.000Z".',
  serialize: (date) => date.toISOString(),
  parseValue: (value) => {
    const isInstant =
      typeof value === 'string' && /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(value);
    const date = new Date(isInstant ? value : Number.NaN);
    if (Number.isNaN(date.getTime())) {
      throw new GraphQLError(
        `${JSON.stringify(value)} is no DateTime: write RFC 3339 with a zone, "2026-01-31T12:00:00Z"`,
      );
    }
    return date;
  },
});

builder.scalarType('SafeInt', {
  description: 'A whole number up to 2^53-1 in size: byte offsets, byte counts, seconds.',
  serialize: (value) => value,
  parseValue: safeInt,
  parseLiteral: (node) => safeInt(node.kind === Kind.INT ? Number(node.value) : node.kind),
});

function safeInt(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new GraphQLError(`${JSON.stringify(value)} is no SafeInt: write a whole number up to 2^53-1`);
}

builder.scalarType('JSONObject', {
  description: 'A JSON object of any shape.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    throw new GraphQLError('This is no JSON object');
  },
});
