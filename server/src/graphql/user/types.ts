import { ADMINISTRATOR } from '../../auth/index.ts';
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
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: UserRef,
    description: 'The user who sends the request.',
    resolve: (_root, _args, { actor }) => actor.user,
  }),
);
