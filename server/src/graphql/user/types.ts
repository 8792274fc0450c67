import { ADMINISTRATOR } from '../../auth/index.ts';
import type { USER_ROLES, User } from '../../domain/user.ts';
import { builder, ID_DESCRIPTION } from '../builder.ts';

const UserRole = builder.enumType('UserRole', {
  description: 'What somebody may do. The administrator token stands for ADMIN.',
  values: {
    ADMIN: { description: 'Everything, logging in to clusters included.' },
    MEMBER: { description: 'Jobs and projects.' },
    VIEWER: { description: 'Nothing but looking.' },
  } satisfies Record<(typeof USER_ROLES)[number], { description: string }>,
});

/** Null: nobody has had that id. */
export function userOf(id: string): User | null {
  return id === ADMINISTRATOR.id ? ADMINISTRATOR : null;
}

export const UserRef = builder.objectRef<User>('User');
builder.node(UserRef, {
  description: 'Somebody who may use the server.',
  id: { resolve: (user) => user.id, description: ID_DESCRIPTION },
  loadMany: (ids) => ids.map(userOf),
  isTypeOf: () => true,
  fields: (t) => ({
    name: t.exposeString('name', { description: 'For people.' }),
    role: t.expose('role', { type: UserRole, description: 'What they may do.' }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: UserRef,
    description: 'Whoever asks.',
    resolve: (_root, _args, { actor }) => actor.user,
  }),
);
