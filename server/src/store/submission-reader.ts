import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ClusterFacts, Submission } from '../domain/submission.ts';
import { batches } from './batches.ts';
import type { Database } from './database.ts';
import { toClusterFacts, toSubmission } from './job-submissions.ts';

/** Scripts are the longest texts. */
const SCRIPTS_A_BATCH = 50;
/** One may have hundreds of KiB of JSON. */
const SUBMISSIONS_A_BATCH = 10;
/** JSON that is parsed and checked in one turn of the event loop, in some 8 ms. One more may have more. */
const PARSED_A_TURN = 1024 ** 2;

/** Reads what jobs were submitted with. */
export class SubmissionReader {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Null: the request had no key, or is older than digests. */
  async requestDigest(jobId: string): Promise<string | null> {
    const row = await this.#database
      .selectFrom('job_submissions')
      .select('request_digest')
      .where('job_id', '=', jobId)
      .executeTakeFirst();
    return row?.request_digest ?? null;
  }

  /**
   * The batch scripts by job, without jobs whose script doesn't exist yet. `onRead` gets each before the next ones are
   * read: if it throws, reading stops.
   */
  async scripts(
    ids: readonly string[],
    onRead: (script: string) => void = () => undefined,
  ): Promise<Map<string, string>> {
    const scripts = new Map<string, string>();
    for await (const batch of batches([...new Set(ids)], SCRIPTS_A_BATCH)) {
      const rows = await this.#database
        .selectFrom('job_submissions')
        .select(['job_id', 'script'])
        .where('job_id', 'in', batch)
        .execute();
      for (const { job_id: id, script } of rows) {
        if (script === null) continue;
        onRead(script);
        scripts.set(id, script);
      }
    }
    return scripts;
  }

  /** What of their clusters decided how jobs ran, by job, without those of which it isn't known. */
  async clusterFacts(jobIds: readonly string[], onRead: (text: string) => void): Promise<Map<string, ClusterFacts>> {
    const found = new Map<string, ClusterFacts>();
    for await (const batch of batches([...new Set(jobIds)], SUBMISSIONS_A_BATCH)) {
      const rows = await this.#database
        .selectFrom('job_submissions')
        .select(['job_id', 'cluster_facts'])
        .where('job_id', 'in', batch)
        .execute();
      for (const { job_id: id, cluster_facts: json } of rows) {
        if (json !== null) onRead(json);
        const facts = toClusterFacts(json);
        if (facts !== null) found.set(id, facts);
      }
    }
    return found;
  }

  async get(jobId: string): Promise<Submission | null> {
    return (await this.getMany([jobId])).get(jobId) ?? null;
  }

  /**
   * By job; a task of an array has none of its own. `onRead` gets the texts of each before the next ones are read: if
   * it throws, reading stops.
   */
  async getMany(
    jobIds: readonly string[],
    onRead: (...texts: readonly (string | null)[]) => void = () => undefined,
  ): Promise<Map<string, Submission>> {
    const submissions = new Map<string, Submission>();
    for await (const batch of batches([...new Set(jobIds)], SUBMISSIONS_A_BATCH)) {
      const rows = await this.#database
        .selectFrom('job_submissions')
        .select(['job_id', 'environment', 'extra_options', 'depends_on', 'conda_env', 'prologue'])
        .select(['requested_partition', 'git_ref', 'components', 'is_singleton', 'message'])
        .where('job_id', 'in', batch)
        .execute();
      let parsed = 0;
      for (const row of rows) {
        onRead(row.environment, row.extra_options, row.components, row.prologue, row.message);
        if (parsed > PARSED_A_TURN) {
          await nextTurn();
          parsed = 0;
        }
        submissions.set(row.job_id, toSubmission(row));
        parsed += row.environment.length + row.extra_options.length + row.components.length;
      }
    }
    return submissions;
  }

  /**
   * The remarks on submissions by job, without those that have none. `onRead` gets each before the next ones are read: if
   * it throws, reading stops.
   */
  async messages(
    jobIds: readonly string[],
    onRead: (message: string) => void = () => undefined,
  ): Promise<Map<string, string>> {
    const messages = new Map<string, string>();
    for await (const batch of batches([...new Set(jobIds)], SCRIPTS_A_BATCH)) {
      const rows = await this.#database
        .selectFrom('job_submissions')
        .select(['job_id', 'message'])
        .where('job_id', 'in', batch)
        .execute();
      for (const { job_id: id, message } of rows) {
        if (message === null) continue;
        onRead(message);
        messages.set(id, message);
      }
    }
    return messages;
  }
}
