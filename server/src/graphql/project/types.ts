import {
  type GitBranch,
  type GitCommit,
  MOST_UNCOMMITTED,
  PROJECT_STATUSES,
  type Project,
  type ProjectStatus,
  UNCOMMITTED_KINDS,
  type UncommittedFile,
  type UncommittedKind,
} from '../../domain/project.ts';
import { builder, ID_DESCRIPTION } from '../builder.ts';

const OF_STATUS: Readonly<Record<ProjectStatus, string>> = {
  READY: 'It could.',
  MISSING: 'Nothing was at its path. What git said before is kept, and `updateProject` takes a new path.',
  UNREADABLE: 'git refused what is at its path, or did not answer. What git said before is kept.',
};
const OF_KIND: Readonly<Record<UncommittedKind, string>> = {
  ADDED: 'It is new, and staged.',
  MODIFIED: 'Its bytes, its type or its executable bit differ.',
  DELETED: 'It is gone.',
  RENAMED: 'It is staged with the content of a committed file that is gone.',
  UNTRACKED: 'It is new, and git neither tracks nor ignores it.',
  CONFLICTED: 'A merge has left several versions of it.',
};

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
  description: 'A local branch, or a tag, of a project.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Without "refs/heads/" or "refs/tags/".' }),
    sha: t.exposeString('sha', { description: 'The full hash of the commit that it stands for.' }),
  }),
});

const UncommittedKindType = builder.enumType('UncommittedKind', {
  description: 'In what a file on disk differs from the commit that is checked out.',
  values: Object.fromEntries(UNCOMMITTED_KINDS.map((kind) => [kind, { description: OF_KIND[kind] }])) as Record<
    UncommittedKind,
    { readonly description: string }
  >,
});

const UncommittedFileRef = builder.objectRef<UncommittedFile>('UncommittedFile').implement({
  description: 'A file that differs from the commit that is checked out.',
  fields: (t) => ({
    path: t.exposeString('path', {
      description:
        'Below the top level of the repository. Bytes that are no text are shown as U+FFFD, and a path with control characters as a JSON string.',
    }),
    kind: t.expose('kind', { type: UncommittedKindType, description: 'In what it differs.' }),
    sizeBytes: t.expose('sizeBytes', {
      type: 'SafeInt',
      nullable: true,
      description: "In bytes. Null: it is gone, or can't be looked at.",
    }),
  }),
});

const ProjectStatusType = builder.enumType('ProjectStatus', {
  description: 'Whether git could read a repository when it was last asked.',
  values: Object.fromEntries(PROJECT_STATUSES.map((status) => [status, { description: OF_STATUS[status] }])) as Record<
    ProjectStatus,
    { readonly description: string }
  >,
});

export const ProjectRef = builder.objectRef<Project>('Project');
builder.node(ProjectRef, {
  description: "A git repository on the server's machine whose code runs in jobs.",
  id: { resolve: (project) => project.id, description: ID_DESCRIPTION },
  loadManyWithoutCache: (ids, { reads, work }) =>
    work.read(() => reads.projects.getMany(ids, (some) => work.projects(some))),
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
    tags: t.field({
      type: [GitBranchRef],
      description: 'Tags of commits, the newest first; at most 1,000.',
      resolve: async ({ id }, _args, { loaders }) => [...(await loaders.gitTags.load(id))],
    }),
    uncommittedFiles: t.field({
      type: [UncommittedFileRef],
      description: `The files that make it dirty, by path; at most ${MOST_UNCOMMITTED.toLocaleString('en-US')}.`,
      resolve: async ({ id }, _args, { loaders }) => [...(await loaders.uncommittedFiles.load(id))],
    }),
    status: t.field({
      type: ProjectStatusType,
      description: 'Whether git could read it when it was last asked.',
      resolve: ({ fault }) => fault?.status ?? 'READY',
    }),
    statusMessage: t.string({
      nullable: true,
      description: 'What is wrong, and what to do about it. Null: nothing is.',
      resolve: ({ fault }) => fault?.message ?? null,
    }),
    syncedAt: t.expose('syncedAt', { type: 'DateTime', description: 'When this information was last read from git.' }),
  }),
});

export const ProjectConnection = builder.connectionObject(
  { type: ProjectRef, name: 'ProjectConnection', description: 'A page of a list of projects.' },
  { name: 'ProjectEdge', description: 'One entry of a list of projects.' },
);
