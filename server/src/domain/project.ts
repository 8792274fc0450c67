export interface GitCommit {
  readonly sha: string;
  readonly subject: string;
  readonly author: string;
  readonly committedAt: Date;
}

export interface GitBranch {
  readonly name: string;
  readonly sha: string;
}

/** What git says of a repository at one moment. */
export interface GitState {
  /** Without what may be secret. Null: there is none that can be shown. */
  readonly remoteUrl: string | null;
  /** Null: HEAD is detached. */
  readonly branch: string | null;
  /** Null: nothing has been committed yet. */
  readonly headCommit: GitCommit | null;
  readonly isDirty: boolean;
}

/** In what a file differs from the commit that is checked out. UNTRACKED: git neither tracks nor ignores it. */
export const UNCOMMITTED_KINDS = ['ADDED', 'MODIFIED', 'DELETED', 'RENAMED', 'UNTRACKED', 'CONFLICTED'] as const;
export type UncommittedKind = (typeof UNCOMMITTED_KINDS)[number];

export interface UncommittedFile {
  /** As people read it. */
  readonly path: string;
  readonly kind: UncommittedKind;
  /** Null: it is gone, or can't be looked at. */
  readonly sizeBytes: number | null;
}

/** What of it may be long: lists of projects and of jobs don't need it. */
export interface GitLists {
  /** Those with the newest commits first. */
  readonly branches: readonly GitBranch[];
  /** The newest first, each with the commit that it stands for. */
  readonly tags: readonly GitBranch[];
  /** By path, at most MOST_UNCOMMITTED. */
  readonly uncommittedFiles: readonly UncommittedFile[];
}

export interface GitSnapshot extends GitState, GitLists {}

/** How many uncommitted files are named. */
export const MOST_UNCOMMITTED = 1000;

/** READY: it is as `git` says. MISSING: nothing was at its path. UNREADABLE: git refused what is there. */
export const PROJECT_STATUSES = ['READY', 'MISSING', 'UNREADABLE'] as const;
export type ProjectStatus = (typeof PROJECT_STATUSES)[number];

/** What kept git from telling of a repository; what it said before is kept. */
export interface ProjectFault {
  readonly status: Exclude<ProjectStatus, 'READY'>;
  /** What is wrong, and what to do about it. */
  readonly message: string;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  /** Absolute path of the repository's top level on the server's machine. */
  readonly path: string;
  readonly condaEnv: string | null;
  readonly prologue: string | null;
  /** When it could last be read. */
  readonly git: GitState;
  /** Of the last time that it was read. Null: none. */
  readonly fault: ProjectFault | null;
  readonly syncedAt: Date;
}
