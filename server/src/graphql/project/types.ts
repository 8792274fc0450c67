import type { GitBranch, GitCommit, Project } from '../../domain/project.ts';
import { builder, ID_DESCRIPTION } from '../builder.ts';

const GitCommitRef = builder.objectRef<GitCommit>('GitCommit').implement({
  description: 'A commit of a project.',
  fields: (t) => ({
    sha: t.exposeString('sha', { description: 'The full hash.' }),
    subject: t.exposeString('subject', { description: 'The first line of its message.' }),
    author: t.exposeString('author', { description: "The author's name." }),
    committedAt: t.expose('committedAt', { type: 'DateTime', description: 'When it was committed.' }),
  }),
});

const GitBranchRef = builder.objectRef<GitBranch>('GitBranch').implement({
  description: 'A local branch of a project.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Without "refs/heads/".' }),
    sha: t.exposeString('sha', { description: 'The full hash of the commit it points to.' }),
  }),
});

export const ProjectRef = builder.objectRef<Project>('Project');
builder.node(ProjectRef, {
  description: "A git repository on the server's machine whose code runs in jobs.",
  id: { resolve: (project) => project.id, description: ID_DESCRIPTION },
  loadManyWithoutCache: (ids, { reads, work }) => work.read(() => reads.projects.getMany(ids)),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'git' in value,
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Unique on this server.' }),
    path: t.exposeString('path', { description: "The repository's top level on the server's machine." }),
    condaEnv: t.exposeString('condaEnv', {
      nullable: true,
      description: "The conda environment that its jobs run in unless they name another. Null: the cluster's default.",
    }),
    prologue: t.exposeString('prologue', {
      nullable: true,
      description: "Shell lines that run before a job's command, after the cluster's own. Null: none.",
    }),
    remoteUrl: t.string({
      nullable: true,
      description:
        'The address of the remote "origin", without anything that could be a password or a token ("…" replaces a part of its path). Null: there is no such remote, or no part of its address is certainly harmless.',
      resolve: ({ git }) => git.remoteUrl,
    }),
    branch: t.string({
      nullable: true,
      description: 'The branch that is checked out. Null: HEAD is detached.',
      resolve: ({ git }) => git.branch,
    }),
    headCommit: t.field({
      type: GitCommitRef,
      nullable: true,
      description: 'The commit that is checked out. Null: there is none yet.',
      resolve: ({ git }) => git.headCommit,
    }),
    isDirty: t.boolean({
      description:
        'Files on disk differ from those of `headCommit`: in content, type or executable bit, or they were deleted or are new. New files count if git tracks them or does not ignore them.',
      resolve: ({ git }) => git.isDirty,
    }),
    branches: t.field({
      type: [GitBranchRef],
      description: 'Local branches, the one with the latest commit first; at most 1,000.',
      resolve: async ({ id }, _args, { loaders }) => [...(await loaders.branches.load(id))],
    }),
    syncedAt: t.expose('syncedAt', { type: 'DateTime', description: 'When this information was last read from git.' }),
  }),
});

export const ProjectConnection = builder.connectionObject(
  { type: ProjectRef, name: 'ProjectConnection', description: 'A page of a list of projects.' },
  { name: 'ProjectEdge', description: 'One entry of a list of projects.' },
);
