/** In the order of what they may, the mightiest first. */
export const USER_ROLES = ['ADMIN', 'MEMBER', 'VIEWER'] as const;
export type UserRole = (typeof USER_ROLES)[number];

export interface User {
  readonly id: string;
  readonly name: string;
  readonly role: UserRole;
}
