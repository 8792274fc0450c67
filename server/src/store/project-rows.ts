import { type Selectable, sql } from 'kysely';
import { z } from 'zod';
import {
  type GitLists,
  type GitSnapshot,
  PROJECT_STATUSES,
  type Project,
  type ProjectFault,
  UNCOMMITTED_KINDS,
} from '../domain/project.ts';
import { fromInstant } from './instants.ts';
import type { ProjectsTable } from './tables.ts';

const refs = z.array(z.object({ name: z.string(), sha: z.string() }));
const uncommittedFiles = z.array(
  z.object({ path: z.string(), kind: z.enum(UNCOMMITTED_KINDS), sizeBytes: z.number().nullable() }),
);
const faultStatus = z.enum(PROJECT_STATUSES).exclude(['READY']);

/** Of each list: its column, and what is in it. */
export const LISTS = {
  branches: { column: 'branches', schema: refs },
  tags: { column: 'tags', schema: refs },
  uncommittedFiles: { column: 'uncommitted_files', schema: uncommittedFiles },
} as const satisfies { readonly [list in keyof GitLists]: { column: string; schema: z.ZodType<GitLists[list]> } };
export const NO_LISTS: GitLists = { branches: [], tags: [], uncommittedFiles: [] };

/** The length is in the header of a row: the text itself isn't read. */
export const BYTES = sql<number>`octet_length(name) + octet_length(path) + coalesce(octet_length(prologue), 0)
  + coalesce(octet_length(remote_url), 0) + coalesce(octet_length(branch), 0) + coalesce(octet_length(head_subject), 0)
  + coalesce(octet_length(head_author), 0) + coalesce(octet_length(fault_message), 0)`;

/** All but what GitLists holds, which lists of projects and of jobs don't need. */
export const COLUMNS = [
  ...(['id', 'name', 'path', 'conda_env', 'prologue', 'remote_url', 'branch', 'is_dirty', 'synced_at'] as const),
  ...(['fault_status', 'fault_message'] as const),
  ...(['head_sha', 'head_subject', 'head_author', 'head_committed_at'] as const),
];

export function toProject(row: Omit<Selectable<ProjectsTable>, (typeof LISTS)[keyof GitLists]['column']>): Project {
  return {
    id: row.id,
    name: row.name,
    path: row.path,
    condaEnv: row.conda_env,
    prologue: row.prologue,
    git: {
      remoteUrl: row.remote_url,
      branch: row.branch,
      headCommit:
        row.head_sha === null
          ? null
          : {
              sha: row.head_sha,
              subject: row.head_subject ?? '',
              author: row.head_author ?? '',
              committedAt: new Date(row.head_committed_at ?? 0),
            },
      isDirty: row.is_dirty === 1,
    },
    fault:
      row.fault_status === null
        ? null
        : { status: faultStatus.catch('UNREADABLE').parse(row.fault_status), message: row.fault_message ?? '' },
    syncedAt: new Date(row.synced_at),
  };
}

export function fromProject(project: Project, lists: GitLists): ProjectsTable {
  return {
    id: project.id,
    name: project.name,
    path: project.path,
    conda_env: project.condaEnv,
    prologue: project.prologue,
    ...fromSnapshot({ ...project.git, ...lists }),
    ...fromFault(project.fault),
    synced_at: project.syncedAt.getTime(),
  };
}

export function fromSync(git: GitSnapshot, syncedAt: Date) {
  return { ...fromSnapshot(git), synced_at: syncedAt.getTime(), ...fromFault(null) };
}

export function fromFault(fault: ProjectFault | null) {
  return { fault_status: fault?.status ?? null, fault_message: fault?.message ?? null };
}

function fromSnapshot({ remoteUrl, branch, headCommit, isDirty, ...lists }: GitSnapshot) {
  return {
    remote_url: remoteUrl,
    branch,
    head_sha: headCommit?.sha ?? null,
    head_subject: headCommit?.subject ?? null,
    head_author: headCommit?.author ?? null,
    head_committed_at: fromInstant(headCommit?.committedAt ?? null),
    is_dirty: isDirty ? 1 : 0,
    branches: JSON.stringify(lists.branches),
    tags: JSON.stringify(lists.tags),
    uncommitted_files: JSON.stringify(lists.uncommittedFiles),
  };
}
