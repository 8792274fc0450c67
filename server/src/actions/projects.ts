import { homedir } from 'node:os';
import { basename, isAbsolute, normalize } from 'node:path';
import { ulid } from 'ulid';
import type { Actor } from '../domain/actor.ts';
import { notAllowedTo } from '../domain/policy.ts';
import type { GitSnapshot, Project } from '../domain/project.ts';
import { done, type Outcome, refuse } from '../domain/refusal.ts';
import { GitError, readRepository, repositoryTopLevel, ServerBusy, withPublicAddresses } from '../projects/index.ts';
import type { ProjectFields } from '../store/index.ts';
import type { ActionContext } from './context.ts';
import { FieldCheck } from './fields.ts';

const MAX_NAME = 100;
/** In bytes. */
const MAX_PROLOGUE = 16 * 1024;

export interface AddProject {
  readonly path: string;
  readonly name: string | null;
  readonly condaEnv: string | null;
  readonly prologue: string | null;
}

/** Registers a git repository on the server's machine; its default name is that of its directory. */
export async function addProject({ store }: ActionContext, actor: Actor, input: AddProject): Promise<Outcome<Project>> {
  const refused = notAllowedTo(actor, 'CHANGE_PROJECTS');
  if (refused !== null) return refused;
  const check = checkFields(input);
  const named = expandHome(input.path);
  if (!isAbsolute(named))
    check.fault('path', "write the absolute path of a repository on the server's machine, or one below ~/");
  else if (input.path.includes('\0')) check.fault('path', 'contains a NUL character');
  if (check.refusals.length > 0) return { ok: false, refusals: check.refusals };

  let path: string;
  let git: GitSnapshot;
  try {
    path = await repositoryTopLevel(normalize(named));
    git = await readRepository(path);
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    return notARepository('path', input.path, cause);
  }
  const name = input.name ?? basename(path);
  const { condaEnv, prologue } = input;
  const project: Project = { id: ulid(), name, path, condaEnv, prologue, git, syncedAt: new Date() };
  return (await store.projects.save(project)) ? done(project) : nameTaken(name);
}

export interface UpdateProject extends ProjectFields {
  readonly id: string;
}

export async function updateProject(
  { store }: ActionContext,
  actor: Actor,
  input: UpdateProject,
): Promise<Outcome<Project>> {
  const refused = notAllowedTo(actor, 'CHANGE_PROJECTS');
  if (refused !== null) return refused;
  const check = checkFields({
    name: input.name ?? null,
    condaEnv: input.condaEnv ?? null,
    prologue: input.prologue ?? null,
  });
  if (check.refusals.length > 0) return { ok: false, refusals: check.refusals };
  const updated = await store.projects.update(input.id, input);
  if (updated === 'NOT_FOUND') return notFound();
  return updated === 'NAME_TAKEN' ? nameTaken(input.name ?? '') : done(updated);
}

/** Reads the state of the repository again. */
export async function syncProject({ store }: ActionContext, actor: Actor, id: string): Promise<Outcome<Project>> {
  const refused = notAllowedTo(actor, 'CHANGE_PROJECTS');
  if (refused !== null) return refused;
  const project = await store.projects.get(id);
  if (project === null) return notFound();
  try {
    const syncedAt = new Date();
    // It may have been changed or removed while git was at work.
    const synced = await store.projects.saveSnapshot(id, await readRepository(project.path), syncedAt);
    return synced === null ? notFound() : done(synced);
  } catch (cause) {
    if (!(cause instanceof GitError)) throw cause;
    return notARepository('id', project.path, cause);
  }
}

/** Removes a project. Its repository isn't touched, and its jobs stay in the history. */
export async function removeProject(
  { store, journal }: ActionContext,
  actor: Actor,
  id: string,
): Promise<Outcome<string>> {
  const refused = notAllowedTo(actor, 'CHANGE_PROJECTS');
  if (refused !== null) return refused;
  const project = await store.projects.get(id);
  if (project === null) return notFound();
  await journal.removeProject(id);
  return done(id);
}

function checkFields(fields: Pick<AddProject, 'name' | 'condaEnv' | 'prologue'>): FieldCheck {
  const check = new FieldCheck();
  check.line('name', fields.name, MAX_NAME);
  check.line('condaEnv', fields.condaEnv, MAX_NAME);
  check.lines('prologue', fields.prologue, MAX_PROLOGUE);
  return check;
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
