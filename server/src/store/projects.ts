import { setImmediate as nextTurn } from 'node:timers/promises';
import type { z } from 'zod';
import { searchWords } from '../domain/job-filter.ts';
import type { GitLists, GitSnapshot, Project, ProjectFault } from '../domain/project.ts';
import { batches } from './batches.ts';
import type { Database } from './database.ts';
import { readJson } from './json.ts';
import { decodeCursor, foreignCursor, type KeysetPage, keysetPage, type PageRequest } from './keyset.ts';
import { BYTES, COLUMNS, fromFault, fromProject, fromSync, LISTS, NO_LISTS, toProject } from './project-rows.ts';
import { type NamedProjects, projectsHolding } from './project-texts.ts';
import { slicesOf } from './slices.ts';
import type { OnRead } from './whole-jobs.ts';

const JOBS_A_TURN = 500;
const PROJECTS_A_PAGE = 100;
/** A list of one may be hundreds of KiB of JSON. */
const LISTS_A_BATCH = 10;
/** Bytes of text that one statement reads; a single project may have more. */
const TEXTS_AT_ONCE = 1024 ** 2;
/** Of the only order of projects, in cursors. */
const ORDER = 'name';

/** What people change of a project: undefined leaves a field as it is. */
export interface ProjectFields {
  readonly name: string | undefined;
  readonly condaEnv: string | null | undefined;
  readonly prologue: string | null | undefined;
  /** Where its repository is now, and what git said of it there. */
  readonly moved: { readonly path: string; readonly git: GitSnapshot; readonly syncedAt: Date } | undefined;
}

/** Those that only read. */
export type ProjectReads = Pick<ProjectQueries, 'get' | 'getMany' | 'byName' | 'list' | 'page' | 'count'>;

/** Those that write. */
export type ProjectWrites = Pick<ProjectQueries, 'save' | 'update' | 'saveSnapshot' | 'saveFault'>;

export class ProjectQueries {
  readonly #database: Database;
  readonly #reads: Database;

  /** `reads`: the same database, for queries that only read. */
  constructor(database: Database, reads = database) {
    this.#database = database;
    this.#reads = reads;
  }

  async get(id: string): Promise<Project | null> {
    return (await this.getMany([id]))[0] ?? null;
  }

  /**
   * In the order of the ids; null for each that isn't there. `onRead`, here and below, gets those that were read before the
   * next ones are: if it throws, reading stops.
   */
  async getMany(ids: readonly string[], onRead: OnRead<Project> = () => undefined): Promise<(Project | null)[]> {
    const byId = new Map<string, Project>();
    for await (const batch of batches([...new Set(ids)])) {
      const sizes = await this.#reads
        .selectFrom('projects')
        .select(['id', BYTES.as('bytes')])
        .where('id', 'in', batch)
        .execute();
      for (const [at, slice] of slicesOf(sizes, TEXTS_AT_ONCE).entries()) {
        if (at > 0) await nextTurn();
        const rows = await this.#reads.selectFrom('projects').select(COLUMNS).where('id', 'in', slice).execute();
        const projects = rows.map(toProject);
        onRead(projects);
        for (const project of projects) byId.set(project.id, project);
      }
    }
    return ids.map((id) => byId.get(id) ?? null);
  }

  async byName(name: string, onRead?: OnRead<Project>): Promise<Project | null> {
    const row = await this.#reads.selectFrom('projects').select('id').where('name', '=', name).executeTakeFirst();
    return row === undefined ? null : ((await this.getMany([row.id], onRead))[0] ?? null);
  }

  /**
   * One list by project, as git told it; none for a project that isn't there. `onRead` gets the text of each before the next
   * ones are read: if it throws, reading stops.
   */
  async list<Kind extends keyof GitLists>(
    kind: Kind,
    ids: readonly string[],
    onRead: (text: string) => void = () => undefined,
  ): Promise<Map<string, GitLists[Kind]>> {
    const { column, schema } = LISTS[kind];
    const found = new Map<string, GitLists[Kind]>();
    for await (const batch of batches([...new Set(ids)], LISTS_A_BATCH)) {
      const rows = await this.#reads
        .selectFrom('projects')
        .select((select) => ['id' as const, select.ref(column).as('list')])
        .where('id', 'in', batch)
        .execute();
      for (const { id, list } of rows) {
        onRead(list);
        found.set(id, readJson<GitLists[Kind]>(list, schema as unknown as z.ZodType<GitLists[Kind]>) ?? NO_LISTS[kind]);
      }
    }
    return found;
  }

  /** By name. */
  async page(request: PageRequest, search: string | null, onRead?: OnRead<Project>): Promise<KeysetPage<Project>> {
    const all = this.#reads.selectFrom('projects').select(['id', 'name']);
    const words = wordsIn(search);
    const found = words.length === 0 ? all : all.where('id', 'in', await this.#next(words, request));
    const page = await keysetPage(found, request, () => ({
      name: ORDER,
      columns: ['name', 'id'],
      descending: false,
      valuesOf: (row) => [row.name, row.id],
    }));
    const ids = page.rows.map(({ row }) => row.id);
    const projects = await this.getMany(ids, onRead);
    return {
      ...page,
      // Without those that are gone by now.
      rows: page.rows.flatMap(({ cursor }, at) => {
        const row = projects[at] ?? null;
        return row === null ? [] : [{ cursor, row }];
      }),
    };
  }

  /** Where each project is, by name, a page at a time. */
  async *all(): AsyncGenerator<Pick<Project, 'id' | 'path'>, void, undefined> {
    for (let from: string | null = null; ; ) {
      const { rows, hasMore }: KeysetPage<Project> = await this.page(
        { limit: PROJECTS_A_PAGE, backwards: false, from },
        null,
      );
      for (const { row } of rows) yield row;
      if (!hasMore) return;
      from = rows.at(-1)?.cursor ?? null;
    }
  }

  async count(search: string | null): Promise<number> {
    const words = wordsIn(search);
    if (words.length === 0) {
      const all = this.#reads.selectFrom('projects').select((select) => select.fn.countAll<number>().as('count'));
      return Number((await all.executeTakeFirstOrThrow()).count);
    }
    let count = 0;
    for await (const ids of this.#matching(words)) count += ids.length;
    return count;
  }

  /** The ids of a page, and of the project after it. Throws CursorError. */
  async #next(words: readonly string[], { from, limit, backwards }: PageRequest): Promise<readonly string[]> {
    const next: string[] = [];
    for await (const ids of this.#matching(words, { after: placeOf(from), isDescending: backwards })) {
      next.push(...ids);
      if (next.length > limit) break;
    }
    return next.slice(0, limit + 1);
  }

  /** Those with all words in their names or paths. */
  async *#matching(words: readonly string[], part?: NamedProjects): AsyncGenerator<readonly string[], void, undefined> {
    for await (const projects of projectsHolding(this.#reads, ['name', 'path'], words, part)) {
      yield projects.flatMap(({ id, words: held }) => (held.size === words.length ? [id] : []));
    }
  }

  /** Stores a new project. False: another one has the name already. */
  async save(project: Project, lists = NO_LISTS): Promise<boolean> {
    return this.#database.transaction().execute(async (trx) => {
      if ((await new ProjectQueries(trx).byName(project.name)) !== null) return false;
      await trx.insertInto('projects').values(fromProject(project, lists)).execute();
      return true;
    });
  }

  /** Changes these fields alone, and gives the project as it is then. NAME_TAKEN: another one has the name already. */
  async update(id: string, fields: ProjectFields): Promise<Project | 'NOT_FOUND' | 'NAME_TAKEN'> {
    return this.#database.transaction().execute(async (trx) => {
      const projects = new ProjectQueries(trx);
      if ((await projects.get(id)) === null) return 'NOT_FOUND';
      const namesake = fields.name === undefined ? null : await projects.byName(fields.name);
      if (namesake !== null && namesake.id !== id) return 'NAME_TAKEN';
      const { moved } = fields;
      const row = await trx
        .updateTable('projects')
        // The id, as a statement has to set something.
        .set({ id, name: fields.name, conda_env: fields.condaEnv, prologue: fields.prologue })
        .set(moved === undefined ? {} : { path: moved.path, ...fromSync(moved.git, moved.syncedAt) })
        .where('id', '=', id)
        .returning(COLUMNS)
        .executeTakeFirstOrThrow();
      return toProject(row);
    });
  }

  /**
   * Stores what git said when it was asked at `syncedAt`, unless it was asked later and has answered already. Gives the
   * project as it is then; null: there is none.
   */
  async saveSnapshot(id: string, git: GitSnapshot, syncedAt: Date): Promise<Project | null> {
    return this.#database.transaction().execute(async (trx) => {
      await trx
        .updateTable('projects')
        .set(fromSync(git, syncedAt))
        .where('id', '=', id)
        // A time in the future is no later question: the clock was set back.
        .where((where) => where.not(where.between('synced_at', syncedAt.getTime() + 1, Date.now())))
        .execute();
      return new ProjectQueries(trx).get(id);
    });
  }

  /**
   * Stores what kept git from telling of a repository that was asked at `askedAt`, unless it has told of it since. Gives the
   * project as it is then; null: there is none.
   */
  async saveFault(id: string, fault: ProjectFault, askedAt: Date): Promise<Project | null> {
    return this.#database.transaction().execute(async (trx) => {
      await trx
        .updateTable('projects')
        .set(fromFault(fault))
        .where('id', '=', id)
        .where((where) => where.not(where.between('synced_at', askedAt.getTime() + 1, Date.now())))
        .execute();
      return new ProjectQueries(trx).get(id);
    });
  }
}

/**
 * Takes a project from the next of its jobs, and removes it with the last ones; they stay, without a project. True once
 * it is gone. All of a project's jobs in one statement, or one transaction, would keep everybody else waiting.
 */
export async function removeFurther(database: Database, id: string): Promise<boolean> {
  return database.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('jobs')
      .set({ project_id: null })
      .where('id', 'in', (of) => of.selectFrom('jobs').select('id').where('project_id', '=', id).limit(JOBS_A_TURN))
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === BigInt(JOBS_A_TURN)) return false;
    await trx.deleteFrom('projects').where('id', '=', id).execute();
    return true;
  });
}

function wordsIn(search: string | null): readonly string[] {
  return search === null ? [] : [...new Set(searchWords(search))];
}

function placeOf(cursor: string | null): NamedProjects['after'] {
  if (cursor === null) return null;
  const { order, values } = decodeCursor(cursor);
  const [name, id] = values;
  if (order !== ORDER || typeof name !== 'string' || typeof id !== 'string') throw foreignCursor(cursor);
  return { name, id };
}
