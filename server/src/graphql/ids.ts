import { decodeGlobalID } from '@pothos/plugin-relay';

/**
 * The id within its type of a global id that a caller sent. For an id of another type, or none at all, an id that
 * nothing has: the caller then hears that there is no such thing, and no more.
 */
export function localId(globalId: string, typename: 'Job' | 'Project' | 'User'): string {
  try {
    const decoded = decodeGlobalID(globalId);
    return decoded.typename === typename ? decoded.id : '';
  } catch {
    // Not a global id.
    return '';
  }
}

export function localIds(globalIds: readonly string[] | null | undefined, typename: 'Job' | 'Project' | 'User') {
  return globalIds?.map((id) => localId(id, typename)) ?? null;
}
