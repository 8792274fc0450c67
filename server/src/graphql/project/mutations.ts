import { addProject, removeProject, syncProject, updateProject } from '../../actions/index.ts';
import type { Project } from '../../domain/project.ts';
import { builder } from '../builder.ts';
import { type Payload, toPayload, UserError } from '../errors.ts';
import { localId } from '../ids.ts';
import { ProjectRef } from './types.ts';

const ProjectPayload = builder.objectRef<Payload<Project>>('ProjectPayload').implement({
  description: 'The project after the mutation, or why nothing was changed.',
  fields: (t) => ({
    project: t.field({
      type: ProjectRef,
      nullable: true,
      description: 'Null: the request was refused.',
      resolve: ({ result }) => result,
    }),
    userErrors: t.field({
      type: [UserError],
      description: 'Empty: the mutation succeeded.',
      resolve: ({ userErrors }) => [...userErrors],
    }),
  }),
});

const RemoveProjectPayload = builder.objectRef<Payload<string>>('RemoveProjectPayload').implement({
  description: 'The id of the removed project, or why it was not removed.',
  fields: (t) => ({
    removedProjectId: t.globalID({
      nullable: true,
      description: 'Null: the request was refused.',
      resolve: ({ result }) => (result === null ? null : { type: 'Project', id: result }),
    }),
    userErrors: t.field({
      type: [UserError],
      description: 'Empty: the mutation succeeded.',
      resolve: ({ userErrors }) => [...userErrors],
    }),
  }),
});

const AddProjectInput = builder.inputType('AddProjectInput', {
  description: 'A repository to register.',
  fields: (t) => ({
    path: t.string({
      required: true,
      description:
        "Path of a git repository on the server's machine. Absolute, or relative to ~/, the home directory of the account that the server runs as.",
    }),
    name: t.string({ description: "Default: the name of the repository's directory." }),
    condaEnv: t.string({ description: 'The conda environment that its jobs run in.' }),
    prologue: t.string({ description: "Shell lines that run before each of its jobs' commands." }),
  }),
});

builder.mutationField('addProject', (t) =>
  t.field({
    type: ProjectPayload,
    description: "Registers a git repository on the server's machine.",
    args: {
      input: t.arg({
        type: AddProjectInput,
        required: true,
        description: 'The repository, and the defaults for its jobs.',
      }),
    },
    resolve: async (_root, { input }, context) =>
      toPayload(
        await addProject(context, context.actor, {
          path: input.path,
          name: input.name ?? null,
          condaEnv: input.condaEnv ?? null,
          prologue: input.prologue ?? null,
        }),
      ),
  }),
);

const UpdateProjectInput = builder.inputType('UpdateProjectInput', {
  description: 'The changes to make to a project. Omitted fields stay as they are.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The project.' }),
    name: t.string({ description: 'A new name.' }),
    path: t.string({ description: 'Where its repository is now, as for `addProject`. Its jobs stay with it.' }),
    condaEnv: t.string({ description: 'A new conda environment; null removes it.' }),
    prologue: t.string({ description: 'New shell lines; null removes them.' }),
  }),
});

builder.mutationField('updateProject', (t) =>
  t.field({
    type: ProjectPayload,
    description:
      "Changes a project's name, its path and the defaults for its jobs. Jobs that were already submitted are not affected.",
    args: {
      input: t.arg({ type: UpdateProjectInput, required: true, description: 'The project, and the changes to make.' }),
    },
    resolve: async (_root, { input }, context) =>
      toPayload(
        await updateProject(context, context.actor, {
          id: localId(input.id, 'Project'),
          name: input.name ?? undefined,
          path: input.path ?? undefined,
          condaEnv: input.condaEnv,
          prologue: input.prologue,
        }),
      ),
  }),
);

const SyncProjectInput = builder.inputType('SyncProjectInput', {
  description: 'The project to read again.',
  fields: (t) => ({ id: t.id({ required: true, description: 'The project.' }) }),
});

builder.mutationField('syncProject', (t) =>
  t.field({
    type: ProjectPayload,
    description: 'Reads the repository again at once. It is also read by itself, within seconds after it has changed.',
    args: { input: t.arg({ type: SyncProjectInput, required: true, description: 'The project to read again.' }) },
    resolve: async (_root, { input }, context) =>
      toPayload(await syncProject(context, context.actor, localId(input.id, 'Project'))),
  }),
);

const RemoveProjectInput = builder.inputType('RemoveProjectInput', {
  description: 'The project to remove.',
  fields: (t) => ({ id: t.id({ required: true, description: 'The project.' }) }),
});

builder.mutationField('removeProject', (t) =>
  t.field({
    type: RemoveProjectPayload,
    description: 'Removes a project from the server. Its repository is not touched, and its jobs stay in the history.',
    args: { input: t.arg({ type: RemoveProjectInput, required: true, description: 'The project to remove.' }) },
    resolve: async (_root, { input }, context) =>
      toPayload(await removeProject(context, context.actor, localId(input.id, 'Project'))),
  }),
);
