import type { Outcome, REFUSAL_CODES, Refusal } from '../domain/refusal.ts';
import { builder } from './builder.ts';

const UserErrorCode = builder.enumType('UserErrorCode', {
  description: 'Why a request was refused.',
  values: {
    INVALID_INPUT: { description: 'A value of the input is not valid; `path` says which.' },
    NOT_FOUND: { description: 'Something that the input names does not exist.' },
    ALREADY_EXISTS: { description: 'The name is already in use.' },
    FORBIDDEN: { description: 'You are not allowed to do this.' },
    NOT_A_GIT_REPOSITORY: { description: 'git cannot read the repository at this path.' },
    UNKNOWN_REF: { description: 'The repository has no such branch, tag or commit.' },
    CLUSTER_UNAVAILABLE: { description: 'The cluster is not available now. Try again.' },
    PARTITION_NOT_ALLOWED: { description: 'clusters.yaml does not allow this partition.' },
    GPU_TYPE_NOT_ALLOWED: {
      description:
        'clusters.yaml does not allow this GPU type, or Slurm could allocate GPUs of a type that it does not allow.',
    },
    SLURM_REJECTED: { description: 'Slurm rejected the request; the message quotes it.' },
    NOT_CANCELLABLE: { description: 'The job is already over.' },
    WRONG_STATE: { description: "Not possible in the job's current state." },
    RATE_LIMITED: { description: 'Too many requests in a short time. Wait a moment.' },
  } satisfies Record<(typeof REFUSAL_CODES)[number], { description: string }>,
});

export const UserError = builder.interfaceRef<Refusal>('UserError').implement({
  description: 'A refusal that the caller can act on. Nothing was changed.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What is wrong and how to correct it, as text for people.' }),
    path: t.exposeStringList('path', {
      description: 'The part of the request that caused it: ["input", "partition"].',
    }),
    code: t.expose('code', { type: UserErrorCode, description: 'The reason, for programs.' }),
  }),
});

builder.objectRef<Refusal>('InputError').implement({
  interfaces: [UserError],
  isTypeOf: () => true,
  description: 'A refusal because of the input.',
});

/** The payload of a mutation: its result, or why there is none. */
export interface Payload<T> {
  readonly result: T | null;
  readonly userErrors: readonly Refusal[];
}

export function toPayload<T>(outcome: Outcome<T>): Payload<T> {
  return outcome.ok ? { result: outcome.value, userErrors: [] } : { result: null, userErrors: outcome.refusals };
}
