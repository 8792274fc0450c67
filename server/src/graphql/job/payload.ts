import type { Job } from '../../domain/job.ts';
import { builder } from '../builder.ts';
import { type Payload, UserError } from '../errors.ts';
import { JobRef } from './ref.ts';

export const JobPayload = builder.objectRef<Payload<Job>>('JobPayload').implement({
  description: 'The job after the mutation, or why nothing was changed.',
  fields: (t) => ({
    job: t.field({
      type: JobRef,
      nullable: true,
      description: 'Null: the request was refused.',
      resolve: ({ result }) => result,
    }),
    userErrors: t.field({
      type: [UserError],
      description: 'Empty: the mutation succeeded.',
      resolve: ({ userErrors }) => [...userErrors],
    }),
  }),
});
