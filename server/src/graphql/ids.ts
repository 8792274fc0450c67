/** What a global id stands for (Relay global object identification); null: the text is none. */
export function readGlobalId(text: string): { readonly typename: string; readonly id: string } | null {
  // Not by the library's own reader, which throws: of thousands of wrong ids, each would cost the trace of a stack.
  const [, typename, id] = /^([A-Za-z_]\w*):(.+)$/s.exec(Buffer.from(text, 'base64').toString()) ?? [];
  return typename === undefined || id === undefined ? null : { typename, id };
}

/**
 * The id within its type of a global id that a caller sent. For an id of another type, or none at all, an id that
 * nothing has: the caller then hears that there is no such thing, and no more.
 */
export function localId(globalId: string, typename: 'Job' | 'Project' | 'User'): string {
  const read = readGlobalId(globalId);
  return read?.typename === typename ? read.id : '';
}

export function localIds(globalIds: readonly string[] | null | undefined, typename: 'Job' | 'Project' | 'User') {
  return globalIds?.map((id) => localId(id, typename)) ?? null;
}
