import { builder } from '../builder.ts';
import { pageArguments, pageCost, readConnection } from '../connection.ts';
import { ProjectConnection, ProjectRef } from './types.ts';

builder.queryField('project', (t) =>
  t.field({
    type: ProjectRef,
    nullable: true,
    description: 'The project of this name. Null: there is none.',
    args: { name: t.arg.string({ required: true, description: 'As `Project.name` has it.' }) },
    resolve: (_root, { name }, { store }) => store.projects.byName(name),
  }),
);

builder.queryField('projects', (t) =>
  t.field({
    type: ProjectConnection,
    description: 'Projects by name.',
    args: {
      ...pageArguments(t),
      search: t.arg.string({ description: 'Words that all occur in name or path.' }),
    },
    ...pageCost,
    resolve: (_root, { search, ...page }, { store, work }) =>
      readConnection(
        page,
        work,
        (request) => store.projects.page(request, search ?? null),
        () => work.read(() => store.projects.count(search ?? null)),
      ),
  }),
);
