/** Of a global id, in UTF-16 units: none of the server's is as long. */
const MAX_ID = 1000;

/** The type and local id of a global id (Relay global object identification); null: invalid. */
export function readGlobalId(text: string): { readonly typename: string; readonly id: string } | null {
  if (text.length > MAX_ID) return null;
  // Not with the library's parser, which throws: each of thousands of wrong ids would cost a stack trace.
  const [, typename, id] = /^([A-Za-z_]\w*):(.+)$/s.exec(Buffer.from(text, 'base64').toString()) ?? [];
  return typename === undefined || id === undefined ? null : { typename, id };
}

/**
 * The local id of a global id that a client sent. For an id of another type, or an invalid one, an id that nothing has:
 * the client then learns only that it doesn't exist.
 */
export function localId(globalId: string, typename: 'Job' | 'Project' | 'User'): string {
  const read = readGlobalId(globalId);
  return read?.typename === typename ? read.id : '';
}

export function localIds(globalIds: readonly string[] | null | undefined, typename: 'Job' | 'Project' | 'User') {
  return globalIds?.map((id) => localId(id, typename)) ?? null;
}
