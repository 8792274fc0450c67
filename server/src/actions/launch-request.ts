import type { JobResources } from '../domain/resources.ts';
import type { Submission } from '../domain/submission.ts';

/** A job as it is asked for. */
export interface LaunchJob extends Omit<Submission, 'prologue'> {
  readonly waitSeconds: number;
  readonly projectId: string;
  readonly cluster: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly basedOnJobId: string | null;
  readonly command: string;
  readonly includeUncommitted: boolean;
  readonly resources: JobResources;
}

/** What a job takes from its project: the project as it is now, or as it was when an earlier job was submitted. */
export interface LaunchSource {
  /** The git repository. */
  readonly path: string;
  /** For a job without a name whose command gives none either. */
  readonly fallbackName: string;
  readonly condaEnv: string | null;
  readonly prologue: string | null;
  /** The full id of the commit to run. Null: the commit that the input's `gitRef` names now. */
  readonly commit: string | null;
}

/** A job as a client asks for it. */
export interface SubmitJob extends Omit<LaunchJob, 'projectId' | 'message'> {
  readonly idempotencyKey: string | null;
  /** Either this or the project's name. */
  readonly projectId: string | null;
  readonly project: string | null;
}
