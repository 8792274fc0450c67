import { initGraphQLTada } from 'gql.tada';
import type { introspection } from './graphql-env.d.ts';

/** Parses an operation and types its variables and result from schema.graphql. */
export const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: { DateTime: string; SafeInt: number; JSONObject: Record<string, unknown> };
}>();

export type JobState = ReturnType<typeof graphql.scalar<'JobState'>>;
export type JobRequest = ReturnType<typeof graphql.scalar<'JobRequest'>>;
export type ClusterStatus = ReturnType<typeof graphql.scalar<'ClusterStatus'>>;
export type JobAction = ReturnType<typeof graphql.scalar<'JobAction'>>;
export type Permission = ReturnType<typeof graphql.scalar<'Permission'>>;
export type LogStream = ReturnType<typeof graphql.scalar<'LogStream'>>;
export type LogAbsence = ReturnType<typeof graphql.scalar<'LogAbsence'>>;
export type { ResultOf, VariablesOf } from 'gql.tada';
