import { builder } from '../builder.ts';
import { pageArguments, pageCost, readConnection } from '../connection.ts';
import { LONG } from '../marks.ts';
import { ProjectConnection, ProjectRef } from './types.ts';

builder.queryField('project', (t) =>
  t.field({
    type: ProjectRef,
    nullable: true,
    description: 'The project with this name. Null: there is none.',
    args: { name: t.arg.string({ required: true, description: "The project's name." }) },
    resolve: (_root, { name }, { reads, work }) =>
      work.read(() => reads.projects.byName(name, (some) => work.projects(some))),
  }),
);

builder.queryField('projects', (t) =>
  t.field({
    type: ProjectConnection,
    description: 'Projects, ordered by name.',
    args: {
      ...pageArguments(t),
      search: t.arg.string({ ...LONG, description: 'Words that must all occur in the name or the path.' }),
    },
    ...pageCost,
    resolve: (_root, { search, ...page }, { reads, work }) =>
      readConnection(
        page,
        work,
        (request) => reads.projects.page(request, search ?? null, (some) => work.projects(some)),
        () => work.read(() => reads.projects.count(search ?? null)),
      ),
  }),
);
