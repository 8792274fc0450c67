import type { Outcome, REFUSAL_CODES, Refusal } from '../domain/refusal.ts';
import { builder } from './builder.ts';

const UserErrorCode = builder.enumType('UserErrorCode', {
  description: 'Why a request was refused.',
  values: {
    INVALID_INPUT: { description: 'A value of the input does not fit; `path` says which.' },
    NOT_FOUND: { description: 'What the input names is not there.' },
    ALREADY_EXISTS: { description: 'There is one of this name already.' },
    FORBIDDEN: { description: 'Who asks may not do this.' },
    NOT_A_GIT_REPOSITORY: { description: "git can't read what the path names." },
    UNKNOWN_REF: { description: 'The repository has no such branch, tag or commit.' },
    CLUSTER_UNAVAILABLE: { description: 'The cluster can not be asked now: try again.' },
    PARTITION_NOT_ALLOWED: { description: 'clusters.yaml allows other partitions.' },
    GPU_TYPE_NOT_ALLOWED: {
      description: 'clusters.yaml allows other GPU types, or Slurm might give others than those.',
    },
    SLURM_REJECTED: { description: 'Slurm refused; the message has its words.' },
    NOT_CANCELLABLE: { description: 'There is nothing left to cancel.' },
    WRONG_STATE: { description: 'Not in the state that the job is in.' },
    RATE_LIMITED: { description: 'Too many in a short time: wait a moment.' },
  } satisfies Record<(typeof REFUSAL_CODES)[number], { description: string }>,
});

export const UserError = builder.interfaceRef<Refusal>('UserError').implement({
  description: 'A refusal that the caller can act on. Nothing was changed.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What is wrong and what would be right, for people.' }),
    path: t.exposeStringList('path', { description: 'Where the cause stands in the request: ["input", "partition"].' }),
    code: t.expose('code', { type: UserErrorCode, description: 'The same for programs.' }),
  }),
});

builder.objectRef<Refusal>('InputError').implement({
  interfaces: [UserError],
  isTypeOf: () => true,
  description: 'A refusal of what the caller sent.',
});

/** What a write gives back: its result, or why there is none. */
export interface Payload<T> {
  readonly result: T | null;
  readonly userErrors: readonly Refusal[];
}

export function toPayload<T>(outcome: Outcome<T>): Payload<T> {
  return outcome.ok ? { result: outcome.value, userErrors: [] } : { result: null, userErrors: outcome.refusals };
}
