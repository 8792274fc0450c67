import { ADMINISTRATOR } from '../../auth/index.ts';
import { may, PERMISSIONS, type Permission } from '../../domain/policy.ts';
import type { USER_ROLES, User } from '../../domain/user.ts';
import { builder, ID_DESCRIPTION } from '../builder.ts';

const UserRole = builder.enumType('UserRole', {
  description: 'What a user may do. The administrator token gives ADMIN.',
  values: {
    ADMIN: { description: 'Everything, including logging in to clusters.' },
    MEMBER: { description: 'Submit and control jobs, and change projects.' },
    VIEWER: { description: 'Read only.' },
  } satisfies Record<(typeof USER_ROLES)[number], { description: string }>,
});

const PermissionRef = builder.enumType('Permission', {
  description: 'Something that not every role may do.',
  values: {
    LOOK: { description: 'Read everything that no other permission is needed for.' },
    CHANGE_JOBS: { description: 'Submit jobs, and every other mutation of jobs.' },
    CHANGE_PROJECTS: { description: 'Add, change, synchronise and remove projects.' },
    CONNECT_CLUSTERS: {
      description: '`connectCluster`, and to see and answer what a login asks (`Cluster.loginPrompt`).',
    },
    CHECK_CLUSTERS: { description: '`testCluster`.' },
    SEE_LOAD: { description: '`Cluster.load`.' },
    SEE_CONFIGURATION: { description: '`configurationFault`.' },
  } satisfies Record<Permission, { description: string }>,
});

/** Null: nobody has had that id. */
export function userOf(id: string): User | null {
  return id === ADMINISTRATOR.id ? ADMINISTRATOR : null;
}

export const UserRef = builder.objectRef<User>('User');
builder.node(UserRef, {
  description: 'A user of the server.',
  id: { resolve: (user) => user.id, description: ID_DESCRIPTION },
  loadMany: (ids) => ids.map(userOf),
  isTypeOf: () => true,
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name to show.' }),
    role: t.expose('role', { type: UserRole, description: 'What the user may do.' }),
    permissions: t.field({
      type: [PermissionRef],
      description: 'What the role permits, one by one.',
      resolve: (user) => PERMISSIONS.filter((permission) => may({ user }, permission)),
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: UserRef,
    description: 'The user who sends the request.',
    resolve: (_root, _args, { actor }) => actor.user,
  }),
);
