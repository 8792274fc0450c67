import {
  type DocumentNode,
  getOperationAST,
  type OperationDefinitionNode,
  OperationTypeNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { schema } from './schema.ts';

/** Types whose fields, except these, are read from the store alone. A test compares the list with the schema. */
export const STORED_TYPES: Readonly<Record<string, { readonly except: readonly string[] }>> = {
  Query: {
    except: [
      'cluster',
      'clusters',
      'partitions',
      'gpuAvailability',
      'configurationFault',
      'logSearch',
      'node',
      'nodes',
    ],
  },
  Job: { except: ['log', 'logAbsence'] },
  JobConnection: { except: [] },
  JobEdge: { except: [] },
  JobResources: { except: [] },
  JobEvidence: { except: [] },
  JobAttempt: { except: [] },
  JobComponent: { except: [] },
  JobStateCount: { except: [] },
  JobSubmission: { except: [] },
  JobDependency: { except: [] },
  PageInfo: { except: [] },
  Project: { except: [] },
  ProjectConnection: { except: [] },
  ProjectEdge: { except: [] },
  GitCommit: { except: [] },
  GitBranch: { except: [] },
  User: { except: [] },
};
const WAITING_ARGUMENTS: readonly string[] = ['waitUntilOverSeconds'];
/** The fields of a cluster that never change while it has its name. */
const CLUSTER_FIELDS: readonly string[] = ['id', 'name'];

/** Requests that differ only in their variables share their document. */
const judged = new WeakMap<OperationDefinitionNode, boolean>();

/**
 * Whether an operation is a query that is answered from the store alone: while the store doesn't change, its answer
 * depends only on the time.
 */
export function isAnsweredFromStore(document: DocumentNode, operationName: string | null): boolean {
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== OperationTypeNode.QUERY) return false;
  const isStored = judged.get(operation) ?? readsStoredFieldsOnly(document);
  judged.set(operation, isStored);
  return isStored;
}

function readsStoredFieldsOnly(document: DocumentNode): boolean {
  const types = new TypeInfo(schema);
  let isStored = true;
  visit(
    document,
    visitWithTypeInfo(types, {
      Field: ({ name, arguments: given = [] }) => {
        // An answer that waits for a job belongs to one client.
        if (given.some((argument) => WAITING_ARGUMENTS.includes(argument.name.value))) isStored = false;
        if (!isStoredField(types.getParentType()?.name ?? '', name.value)) isStored = false;
      },
    }),
  );
  return isStored;
}

function isStoredField(type: string, field: string): boolean {
  if (field === '__typename') return true;
  // Introspection is rare.
  if (field.startsWith('__')) return false;
  return type === 'Cluster' ? CLUSTER_FIELDS.includes(field) : STORED_TYPES[type]?.except.includes(field) === false;
}
