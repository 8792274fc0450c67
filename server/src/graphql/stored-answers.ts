import { type DocumentNode, getOperationAST, OperationTypeNode, TypeInfo, visit, visitWithTypeInfo } from 'graphql';
import { schema } from './schema.ts';

/** Types of which every field but these is read from the store alone. A test holds the list against the schema. */
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
  Job: { except: ['log'] },
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
/** Of a cluster, what never changes while it has its name. */
const CLUSTER_FIELDS: readonly string[] = ['id', 'name'];

/**
 * Whether an operation is a query that is answered from the store alone: as long as the store doesn't change, its
 * answer changes with nothing but the time.
 */
export function isAnsweredFromStore(document: DocumentNode, operationName: string | null): boolean {
  if (getOperationAST(document, operationName)?.operation !== OperationTypeNode.QUERY) return false;
  const types = new TypeInfo(schema);
  let isStored = true;
  visit(
    document,
    visitWithTypeInfo(types, {
      Field: ({ name }) => {
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
