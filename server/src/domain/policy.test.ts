import { expect, it } from 'vitest';
import { SYSTEM } from './actor.ts';
import { may, notAllowedTo, PERMISSIONS, RULES } from './policy.ts';
import { USER_ROLES, type UserRole } from './user.ts';

const as = (role: UserRole) => ({ user: { id: role, name: role, role }, via: 'TOKEN' }) as const;

it.each(PERMISSIONS)('%s is for one role and those above it', (permission) => {
  const allowed = USER_ROLES.filter((role) => may(as(role), permission));
  expect(allowed).toEqual(USER_ROLES.slice(0, allowed.length));
  expect(allowed.at(-1)).toBe(RULES[permission].role);
  expect(may(SYSTEM, permission)).toBe(true);
});

it('whoever may not is told who may', () => {
  expect(notAllowedTo(as('ADMIN'), 'CHECK_CLUSTERS')).toBeNull();
  expect(notAllowedTo(as('MEMBER'), 'CHECK_CLUSTERS')).toEqual({
    ok: false,
    refusals: [{ code: 'FORBIDDEN', path: ['input'], message: 'Only an administrator may test a cluster' }],
  });
  expect(notAllowedTo(as('VIEWER'), 'CHANGE_JOBS')).toMatchObject({
    refusals: [{ message: 'Only a member or an administrator may submit or change jobs' }],
  });
});
