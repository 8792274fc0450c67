import type { DEPENDENCY_KINDS, Submission } from '../../domain/submission.ts';
import { builder } from '../builder.ts';
import { JobRef } from './ref.ts';

export const JobDependencyKind = builder.enumType('JobDependencyKind', {
  description: 'The condition that a job waits for another one to meet (man sbatch, --dependency).',
  values: {
    AFTER: { description: 'It has started, or was cancelled.' },
    AFTER_OK: { description: 'It has ended with exit code 0.' },
    AFTER_NOT_OK: { description: 'It has failed.' },
    AFTER_ANY: { description: 'It has ended in any way.' },
    AFTER_CORR: {
      description:
        'For two arrays: each task waits until the task with the same index in the other array has ended with exit code 0.',
    },
  } satisfies Record<(typeof DEPENDENCY_KINDS)[number], { description: string }>,
});

const JobDependencyRef = builder.objectRef<Submission['dependsOn'][number]>('JobDependency').implement({
  description: 'A job that another one was submitted to wait for.',
  fields: (t) => ({
    job: t.field({
      type: JobRef,
      nullable: true,
      description: 'Null: it is no longer known.',
      resolve: ({ jobId }, _args, { loaders }) => loaders.job.load(jobId),
    }),
    kind: t.expose('kind', { type: JobDependencyKind, description: 'The condition.' }),
  }),
});

export const JobSubmissionRef = builder.objectRef<Submission>('JobSubmission').implement({
  description:
    'What a job was submitted with besides its command and resources. Values of environment variables are never shown.',
  fields: (t) => ({
    environmentNames: t.stringList({
      description: 'The names of its environment variables.',
      resolve: ({ environment }) => environment.map(({ name }) => name),
    }),
    extraOptions: t.stringList({
      description: 'Further sbatch options.',
      resolve: ({ extraOptions }) => [...extraOptions],
    }),
    condaEnv: t.exposeString('condaEnv', {
      nullable: true,
      description:
        "The environment that the job, or its project at that time, named. Null: the cluster's default, if there is one.",
    }),
    gitRef: t.exposeString('gitRef', {
      nullable: true,
      description: "The requested branch, tag or commit. Null: the project's HEAD.",
    }),
    partition: t.exposeString('partition', {
      nullable: true,
      description: "The requested partition. Null: the cluster's default.",
    }),
    dependsOn: t.field({
      type: [JobDependencyRef],
      description: 'The jobs that it was submitted to wait for.',
      resolve: ({ dependsOn }) => [...dependsOn],
    }),
    isSingleton: t.exposeBoolean('isSingleton', {
      description: 'It was submitted to wait for every earlier job of its name.',
    }),
  }),
});
