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

/** What git says of a repository at one moment, without its branches: there may be a thousand. */
export interface GitState {
  /** Without what may be secret. Null: there is none that can be shown. */
  readonly remoteUrl: string | null;
  /** Null: HEAD is detached. */
  readonly branch: string | null;
  /** Null: nothing has been committed yet. */
  readonly headCommit: GitCommit | null;
  readonly isDirty: boolean;
}

export interface GitSnapshot extends GitState {
  readonly branches: readonly GitBranch[];
}

export interface Project {
  readonly id: string;
  readonly name: string;
  /** Absolute path of the repository's top level on the server's machine. */
  readonly path: string;
  readonly condaEnv: string | null;
  readonly prologue: string | null;
  readonly git: GitState;
  readonly syncedAt: Date;
}
