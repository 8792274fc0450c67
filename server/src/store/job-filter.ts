import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import { type JobFilter, searchWords } from '../domain/job-filter.ts';
import { contains } from './search.ts';
import type { Tables } from './tables.ts';

/** The filter in SQL, for queries on `jobs`. */
export function jobsMatching(where: ExpressionBuilder<Tables, 'jobs'>, filter: JobFilter): Expression<SqlBool> {
  const conditions: Expression<SqlBool>[] = [];
  if (!filter.includeArrayTasks) conditions.push(where('array_parent_id', 'is', null));
  if (filter.states !== null) conditions.push(where('state', 'in', filter.states));
  if (filter.isActive !== null) conditions.push(where('is_active', '=', filter.isActive ? 1 : 0));
  if (filter.isArchived !== null) conditions.push(where('is_archived', '=', filter.isArchived ? 1 : 0));
  if (filter.clusters !== null) conditions.push(where('cluster_name', 'in', filter.clusters));
  if (filter.projectIds !== null) conditions.push(where('project_id', 'in', filter.projectIds));
  if (filter.userIds !== null) conditions.push(where('submitted_by', 'in', filter.userIds));
  if (filter.partitions !== null) conditions.push(where('partition', 'in', filter.partitions));
  if (filter.submittedAfter !== null) conditions.push(where('submitted_at', '>=', filter.submittedAfter.getTime()));
  if (filter.submittedBefore !== null) conditions.push(where('submitted_at', '<', filter.submittedBefore.getTime()));
  for (const word of filter.search === null ? [] : searchWords(filter.search)) {
    conditions.push(
      where.or([
        ...(['name', 'command', 'slurm_job_id', 'git_commit'] as const).map((column) =>
          contains(sql.ref<string | null>(`jobs.${column}`), word),
        ),
        where('project_id', 'in', (select) =>
          select
            .selectFrom('projects')
            .select('projects.id')
            .where(contains(sql.ref('projects.name'), word)),
        ),
      ]),
    );
  }
  return where.and(conditions);
}
