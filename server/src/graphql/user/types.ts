import { ADMINISTRATOR } from '../../auth/index.ts';
import { USER_ROLES, type User } from '../../domain/user.ts';
import { builder } from '../builder.ts';

const UserRole = builder.enumType('UserRole', {
  description: 'What somebody may do. The administrator token stands for ADMIN.',
  values: USER_ROLES,
});

export const UserRef = builder.objectRef<User>('User');
builder.node(UserRef, {
  description: 'Somebody who may use the server.',
  id: { resolve: (user) => user.id },
  loadMany: (ids) => ids.map((id) => (id === ADMINISTRATOR.id ? ADMINISTRATOR : null)),
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
    resolve: (_root, _args, { viewer }) => viewer,
  }),
);
