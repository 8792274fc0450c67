import type { ClusterLoad, CommandLoad, LoadWindow } from '../../domain/cluster-load.ts';
import { builder } from '../builder.ts';
import { requireAllowed } from '../faults.ts';
import { ClusterRef } from './types.ts';

const CommandLoadRef = builder.objectRef<CommandLoad>('CommandLoad').implement({
  description: 'What commands of one kind cost a cluster.',
  fields: (t) => ({
    kind: t.exposeString('kind', {
      description:
        'What they were for: "queue", "accounting", "submit", "cancel", "hold", "release", "requeue", "inventory", "probe", ' +
        '"markers"; "files" are requests over SFTP, which cost Slurm nothing.',
    }),
    count: t.exposeInt('count', { description: 'How many were sent.' }),
    seconds: t.exposeFloat('seconds', { description: 'From sending to the end, added up.' }),
  }),
});

const LoadWindowRef = builder.objectRef<LoadWindow>('LoadWindow').implement({
  description: 'What the server asked of a cluster in some time up to now.',
  fields: (t) => ({
    since: t.field({
      type: 'DateTime',
      description: 'Where the time begins; later than usual when the server has not known the cluster for so long.',
      resolve: ({ since }) => since,
    }),
    commands: t.field({
      type: [CommandLoadRef],
      description: 'By kind, the most frequent first.',
      resolve: ({ commands }) => [...commands],
    }),
    logins: t.exposeInt('logins', { description: 'Attempts to log in, refused ones included.' }),
    seconds: t.exposeFloat('seconds', { description: 'Of all commands together.' }),
  }),
});

const ClusterLoadRef = builder.objectRef<ClusterLoad>('ClusterLoad').implement({
  description: 'What the server asked of a cluster. Counted in memory, from the start of the server.',
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
      'What the server asked of it. For administrators, others get null and an error. Null: it is not in clusters.yaml.',
    resolve: ({ live }, _args, { actor }) => {
      requireAllowed(actor, 'SEE_LOAD');
      return live?.load.read() ?? null;
    },
  }),
);
