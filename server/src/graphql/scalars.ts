import { GraphQLError, Kind } from 'graphql';
import { builder } from './builder.ts';

builder.scalarType('DateTime', {
  description: 'An instant in RFC 3339 format. Always returned in UTC: "2026-01-31T12:00:00.000Z".',
  serialize: toInstant,
  parseValue: (value) => {
    const isInstant =
      typeof value === 'string' && /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(value);
    const date = new Date(isInstant ? value : Number.NaN);
    if (Number.isNaN(date.getTime())) {
      throw new GraphQLError('Not a DateTime: use RFC 3339 with a time zone, "2026-01-31T12:00:00Z"');
    }
    return date;
  },
});

/** RFC 3339 has years of four digits: an instant outside that range becomes its first or last instant. */
const FIRST = Date.parse('0001-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');

function toInstant(date: Date): string {
  const at = date.getTime();
  // An invalid instant in a non-null field.
  return new Date(Number.isNaN(at) ? FIRST : Math.min(Math.max(at, FIRST), LAST)).toISOString();
}

builder.scalarType('SafeInt', {
  description: 'An integer of at most 2^53-1 in magnitude: byte offsets, byte counts, seconds.',
  serialize: (value) => value,
  parseValue: safeInt,
  parseLiteral: (node) => safeInt(node.kind === Kind.INT ? Number(node.value) : node.kind),
});

function safeInt(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new GraphQLError('Not a SafeInt: use an integer of at most 2^53-1');
}

builder.scalarType('JSONObject', {
  description: 'A JSON object of any shape.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    throw new GraphQLError('Not a JSON object');
  },
});
