import type { DEPENDENCY_KINDS, Submission } from '../../domain/submission.ts';
import { builder } from '../builder.ts';
import { JobRef } from './ref.ts';

export const JobDependencyKind = builder.enumType('JobDependencyKind', {
  description: 'What a job waits for in another one (man sbatch, --dependency).',
  values: {
    AFTER: { description: 'It has started, or was cancelled.' },
    AFTER_OK: { description: 'It has ended with exit code 0.' },
    AFTER_NOT_OK: { description: 'It has failed.' },
    AFTER_ANY: { description: 'It has ended, however it did.' },
    AFTER_CORR: {
      description: "Both are arrays: each task waits for the other array's task of its index to end with exit code 0.",
    },
  } satisfies Record<(typeof DEPENDENCY_KINDS)[number], { description: string }>,
});

const JobDependencyRef = builder.objectRef<Submission['dependsOn'][number]>('JobDependency').implement({
  description: 'A job that another one was to wait for.',
  fields: (t) => ({
    job: t.field({
      type: JobRef,
      nullable: true,
      description: 'Null: it is no longer known.',
      resolve: ({ jobId }, _args, { loaders }) => loaders.job.load(jobId),
    }),
    kind: t.expose('kind', { type: JobDependencyKind, description: 'What it waited for.' }),
  }),
});

export const JobSubmissionRef = builder.objectRef<Submission>('JobSubmission').implement({
  description: 'What a job was submitted with besides its command and resources. Values of variables are never told.',
  fields: (t) => ({
    environmentNames: t.stringList({
      description: 'The names of the variables that it was given.',
      resolve: ({ environment }) => environment.map(({ name }) => name),
    }),
    extraOptions: t.stringList({
      description: 'Further sbatch options.',
      resolve: ({ extraOptions }) => [...extraOptions],
    }),
    condaEnv: t.exposeString('condaEnv', {
      nullable: true,
      description: "Its own or its project's of then. Null: the cluster's, if that has one.",
    }),
    gitRef: t.exposeString('gitRef', {
      nullable: true,
      description: "Branch, tag or commit as it was asked for. Null: the project's HEAD.",
    }),
    partition: t.exposeString('partition', {
      nullable: true,
      description: "As it was asked for. Null: the cluster's default.",
    }),
    dependsOn: t.field({
      type: [JobDependencyRef],
      description: 'Jobs that it was to wait for.',
      resolve: ({ dependsOn }) => [...dependsOn],
    }),
    isSingleton: t.exposeBoolean('isSingleton', {
      description: 'It was to wait for every earlier job of its name.',
    }),
  }),
});
