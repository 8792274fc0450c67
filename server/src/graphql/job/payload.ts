import type { Job } from '../../domain/job.ts';
import { builder } from '../builder.ts';
import { type Payload, UserError } from '../errors.ts';
import { JobRef } from './ref.ts';

export const JobPayload = builder.objectRef<Payload<Job>>('JobPayload').implement({
  description: 'A job after a write, or why nothing was written.',
  fields: (t) => ({
    job: t.field({
      type: JobRef,
      nullable: true,
      description: 'Null: the request was refused.',
      resolve: ({ result }) => result,
    }),
    userErrors: t.field({
      type: [UserError],
      description: 'Empty: it is done.',
      resolve: ({ userErrors }) => [...userErrors],
    }),
  }),
});
