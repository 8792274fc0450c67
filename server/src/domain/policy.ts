import type { Actor } from './actor.ts';
import { type Outcome, refuse } from './refusal.ts';
import { USER_ROLES, type UserRole } from './user.ts';

interface Rule {
  /** The least of the roles that may. */
  readonly role: UserRole;
  /** What it is that others may not: "Only an administrator may …". */
  readonly what: string;
}

/** What each role may do. Whoever may not is told so by the same words everywhere. */
export const RULES = {
  // Asked of every request and connection (http/access.ts). The others are asked of single actions and fields.
  LOOK: { role: 'VIEWER', what: 'look' },
  CHANGE_JOBS: { role: 'MEMBER', what: 'submit or change jobs' },
  CHANGE_PROJECTS: { role: 'MEMBER', what: 'add or change projects' },
  CONNECT_CLUSTERS: { role: 'ADMIN', what: 'connect or log in to a cluster' },
  CHECK_CLUSTERS: { role: 'ADMIN', what: 'test a cluster' },
  SEE_LOAD: { role: 'ADMIN', what: "see a cluster's load" },
  SEE_CONFIGURATION: { role: 'ADMIN', what: "see the server's configuration" },
} as const satisfies Readonly<Record<string, Rule>>;

export type Permission = keyof typeof RULES;
export const PERMISSIONS = Object.keys(RULES) as readonly Permission[];

const NAMES: Readonly<Record<UserRole, string>> = {
  ADMIN: 'an administrator',
  MEMBER: 'a member or an administrator',
  VIEWER: 'a user',
};

/** The only place where roles are compared. The server itself may do everything. */
export function may({ user }: Pick<Actor, 'user'>, permission: Permission): boolean {
  // The roles stand in the order of what they may, the mightiest first.
  return user === null || USER_ROLES.indexOf(user.role) <= USER_ROLES.indexOf(RULES[permission].role);
}

/** Why an actor may not; null: they may. */
export function notAllowedTo(actor: Actor, permission: Permission): Outcome<never> | null {
  return may(actor, permission) ? null : refuse('FORBIDDEN', null, reserved(permission));
}

/** Who may. */
export function reserved(permission: Permission): string {
  const { role, what } = RULES[permission];
  return `Only ${NAMES[role]} may ${what}`;
}
