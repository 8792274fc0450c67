import { homedir } from 'node:os';
import { basename, isAbsolute, normalize } from 'node:path';
import { ulid } from 'ulid';
import type { Actor } from '../domain/actor.ts';
import { notAllowedTo } from '../domain/policy.ts';
import type { GitSnapshot, Project } from '../domain/project.ts';
import { done, type Outcome, type Refusal, refuse } from '../domain/refusal.ts';
import {
  faultOf,
  GitError,
  readRepository,
  repositoryTopLevel,
  ServerBusy,
  withPublicAddresses,
} from '../projects/index.ts';
import type { ProjectFields } from '../store/index.ts';
import type { ActionContext } from './context.ts';
import { FieldCheck } from './fields.ts';

/** In UTF-16 units: of a project's name, and of its conda environment's. */
const MAX_PROJECT_NAME = 100;
/** In bytes. */
export const MAX_PROLOGUE = 16 * 1024;
/** In bytes: Linux opens no longer path (PATH_MAX). */
export const MAX_PATH = 4096;

export interface AddProject {
  readonly path: string;
  readonly name: string | null;
  readonly condaEnv: string | null;
  readonly prologue: string | null;
}

/** Registers a git repository on the server's machine; its default name is that of its directory. */
export async function addProject(
  { store, repositories }: ActionContext,
  actor: Actor,
  input: AddProject,
): Promise<Outcome<Project>> {
  const refused = notAllowedTo(actor, 'CHANGE_PROJECTS');
  if (refused !== null) return refused;
  const refusals = checkFields(input);
  if (refusals.length > 0) return { ok: false, refusals };

  const found = await repositoryAt(input.path);
  if (!found.ok) return found;
  const { path, git } = found.value;
  const { branches, tags, uncommittedFiles, ...state } = git;
  const name = input.name ?? basename(path);
  const { condaEnv, prologue } = input;
  const fresh = { git: state, fault: null, syncedAt: new Date() };
  const project: Project = { id: ulid(), name, path, condaEnv, prologue, ...fresh };
  const isSaved = await store.projects.save(project, { branches, tags, uncommittedFiles });
  if (!isSaved) return nameTaken(name);
  repositories.follow(project);
  return done(project);
}

/** The repository that holds a path that somebody wrote. */
async function repositoryAt(written: string): Promise<Outcome<{ readonly path: string; readonly git: GitSnapshot }>> {
  try {
    const path = await repositoryTopLevel(normalize(expandHome(written)));
    return done({ path, git: await readRepository(path) });
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    return notARepository('path', written, cause);
  }
}

export interface UpdateProject extends Omit<ProjectFields, 'moved'> {
  readonly id: string;
  /** Where its repository is now. */
  readonly path: string | undefined;
}

export async function updateProject(
  { reads, store, repositories }: ActionContext,
  actor: Actor,
  input: UpdateProject,
): Promise<Outcome<Project>> {
  const refused = notAllowedTo(actor, 'CHANGE_PROJECTS');
  if (refused !== null) return refused;
  const refusals = checkFields({
    path: input.path ?? null,
    name: input.name ?? null,
    condaEnv: input.condaEnv ?? null,
    prologue: input.prologue ?? null,
  });
  if (refusals.length > 0) return { ok: false, refusals };
  const { id, path, name, condaEnv, prologue } = input;
  if ((await reads.projects.get(id)) === null) return notFound();
  const syncedAt = new Date();
  const found = path === undefined ? null : await repositoryAt(path);
  if (found !== null && !found.ok) return found;
  const moved = found === null ? undefined : { ...found.value, syncedAt };
  const updated = await store.projects.update(id, { name, condaEnv, prologue, moved });
  if (updated === 'NOT_FOUND') return notFound();
  if (updated === 'NAME_TAKEN') return nameTaken(name ?? '');
  if (moved !== undefined) repositories.follow(updated);
  return done(updated);
}

/** Reads the state of the repository again. */
export async function syncProject(
  { reads, store }: ActionContext,
  actor: Actor,
  id: string,
): Promise<Outcome<Project>> {
  const refused = notAllowedTo(actor, 'CHANGE_PROJECTS');
  if (refused !== null) return refused;
  const project = await reads.projects.get(id);
  if (project === null) return notFound();
  const syncedAt = new Date();
  try {
    // It may have been changed or removed while git was at work.
    const synced = await store.projects.saveSnapshot(id, await readRepository(project.path), syncedAt);
    return synced === null ? notFound() : done(synced);
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    if (!(cause instanceof ServerBusy))
      await store.projects.saveFault(id, await faultOf(project.path, cause), syncedAt);
    return notARepository('id', project.path, cause);
  }
}

/** Removes a project. Its repository isn't touched, and its jobs stay in the history. */
export async function removeProject(
  { reads, journal, repositories }: ActionContext,
  actor: Actor,
  id: string,
): Promise<Outcome<string>> {
  const refused = notAllowedTo(actor, 'CHANGE_PROJECTS');
  if (refused !== null) return refused;
  const project = await reads.projects.get(id);
  if (project === null) return notFound();
  repositories.forget(id);
  await journal.removeProject(id);
  return done(id);
}

/** `path`: null for a project that has one. */
function checkFields(fields: Omit<AddProject, 'path'> & { readonly path: string | null }): readonly Refusal[] {
  const { path, name, condaEnv, prologue } = fields;
  const check = new FieldCheck();
  check.bytes('path', path, MAX_PATH);
  check.characters('name', name, MAX_PROJECT_NAME);
  check.characters('condaEnv', condaEnv, MAX_PROJECT_NAME);
  check.bytes('prologue', prologue, MAX_PROLOGUE);
  if (check.refusals.length > 0) return check.refusals;
  if (path !== null && !isAbsolute(expandHome(path)))
    check.fault('path', "write the absolute path of a repository on the server's machine, or one below ~/");
  else if (path?.includes('\0')) check.fault('path', 'contains a NUL character');
  check.line('name', name);
  check.line('condaEnv', condaEnv);
  check.lines('prologue', prologue);
  return check.refusals;
}

/** Expanded as in a shell, for the user that the server runs as. */
function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? homedir() + path.slice(1) : path;
}

function notARepository(field: string, path: string, cause: GitError): Outcome<never> {
  const message = `${withPublicAddresses(path)} can't be used as a git repository: ${cause.message}`;
  if (cause instanceof ServerBusy) return refuse('RATE_LIMITED', null, message);
  return refuse('NOT_A_GIT_REPOSITORY', field, message);
}

function nameTaken(name: string): Outcome<never> {
  return refuse(
    'ALREADY_EXISTS',
    'name',
    `A project named ${JSON.stringify(name)} already exists: choose another name`,
  );
}

function notFound(): Outcome<never> {
  return refuse('NOT_FOUND', 'id', 'Project not found');
}
