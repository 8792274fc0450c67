import { type DocumentNode, Kind, visit } from 'graphql';

/** The argument that says where a subscription continues: it doesn't change what follows. */
const RESUME_ARGUMENT = 'after';

/**
 * The variables without the one that only says where a subscription continues. A variable with another use stays,
 * because it may change the results.
 */
export function withoutResume(
  document: DocumentNode,
  variables: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const name = resumeVariable(document);
  if (name === null) return variables;
  const { [name]: _resume, ...others } = variables;
  return others;
}

const known = new WeakMap<DocumentNode, string | null>();

function resumeVariable(document: DocumentNode): string | null {
  const remembered = known.get(document);
  if (remembered !== undefined) return remembered;
  const found = findResumeVariable(document);
  known.set(document, found);
  return found;
}

function findResumeVariable(document: DocumentNode): string | null {
  const roots = document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION ? definition.selectionSet.selections : [],
  );
  const [root, ...others] = roots;
  if (root?.kind !== Kind.FIELD || others.length > 0) return null;
  const value = root.arguments?.find(({ name }) => name.value === RESUME_ARGUMENT)?.value;
  if (value?.kind !== Kind.VARIABLE) return null;
  let uses = 0;
  visit(document, {
    // Its declaration is not a use.
    VariableDefinition: () => false,
    Variable: ({ name }) => {
      if (name.value === value.name.value) uses += 1;
    },
  });
  return uses === 1 ? value.name.value : null;
}
