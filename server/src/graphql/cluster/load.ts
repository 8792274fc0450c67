import type { ClusterLoad, CommandLoad, LoadWindow } from '../../domain/cluster-load.ts';
import { builder } from '../builder.ts';
import { needs } from '../marks.ts';
import { ClusterRef } from './types.ts';

const CommandLoadRef = builder.objectRef<CommandLoad>('CommandLoad').implement({
  description: 'The load that commands of one kind put on a cluster.',
  fields: (t) => ({
    kind: t.exposeString('kind', {
      description:
        'The purpose of the commands: "queue", "accounting", "submit", "cancel", "hold", "release", "requeue", "inventory", "probe", ' +
        '"markers"; "files" are requests over SFTP, which cost Slurm nothing.',
    }),
    count: t.exposeInt('count', { description: 'Number of commands sent.' }),
    seconds: t.exposeFloat('seconds', { description: 'The sum of their durations, from sending to the end.' }),
  }),
});

const LoadWindowRef = builder.objectRef<LoadWindow>('LoadWindow').implement({
  description: 'The load that the server put on a cluster over a period that ends now.',
  fields: (t) => ({
    since: t.field({
      type: 'DateTime',
      description: 'Start of the period. Later than usual if the server has not known the cluster for that long.',
      resolve: ({ since }) => since,
    }),
    commands: t.field({
      type: [CommandLoadRef],
      description: 'By kind, the most frequent first.',
      resolve: ({ commands }) => [...commands],
    }),
    logins: t.exposeInt('logins', { description: 'Login attempts, including refused ones.' }),
    seconds: t.exposeFloat('seconds', { description: 'The sum of the durations of all commands.' }),
  }),
});

const ClusterLoadRef = builder.objectRef<ClusterLoad>('ClusterLoad').implement({
  description: 'The load that the server put on a cluster, counted in memory since the server started.',
  fields: (t) => ({
    hour: t.expose('hour', { type: LoadWindowRef, description: 'The current minute and the 59 before it.' }),
    day: t.expose('day', { type: LoadWindowRef, description: 'The current minute and the 1,439 before it.' }),
  }),
});

builder.objectField(ClusterRef, 'load', (t) =>
  t.field({
    type: ClusterLoadRef,
    nullable: true,
    description:
      'The load that the server put on it. For administrators; others get null and an error. Null: it is not in clusters.yaml.',
    ...needs('SEE_LOAD'),
    resolve: ({ live }) => live?.load.read() ?? null,
  }),
);
