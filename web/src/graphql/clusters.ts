import { createContext, createSignal, onCleanup, useContext } from 'solid-js';
import { createStore, reconcile } from 'solid-js/store';
import { type Api, ask } from './api.ts';
import { describeError } from './errors.ts';
import { graphql, type Permission, type ResultOf } from './graphql.ts';
import { openStream } from './stream.ts';

const clusterHealthFragment = graphql(`
  fragment ClusterHealth on Cluster {
    id
    name
    host
    isConfigured
    isStale
    status
    statusMessage
    loginAsksPerson
    loginPrompt {
      id
      host
      name
      instruction
      prompts {
        text
        isSecret
      }
      isRepeated
      expiresAt
    }
    lastPolledAt
    slurmVersion
    activeJobCount
  }
`);

const clustersQuery = graphql(
  `
    query Clusters {
      clusters {
        ...ClusterHealth
      }
      viewer {
        id
        permissions
      }
    }
  `,
  [clusterHealthFragment],
);

const clusterStatusSubscription = graphql(
  `
    subscription ClusterStatus {
      clusterStatus {
        ...ClusterHealth
      }
    }
  `,
  [clusterHealthFragment],
);

export type ClusterHealth = ResultOf<typeof clusterHealthFragment>;
export type LoginPrompt = NonNullable<ClusterHealth['loginPrompt']>;

/** The health of every cluster as the server knows it at this moment. */
export interface LiveClusters {
  /** By name; empty until the first answer. */
  readonly all: readonly ClusterHealth[];
  isLoaded(): boolean;
  /** Whether the person here has a permission; false until the first answer. */
  may(permission: Permission): boolean;
  /** Why they can't be shown, null when they can. */
  fault(): string | null;
  get(name: string): ClusterHealth | undefined;
}

export function createLiveClusters(api: Api): LiveClusters {
  const [state, setState] = createStore<{ all: ClusterHealth[] }>({ all: [] });
  const [isLoaded, setIsLoaded] = createSignal(false);
  const [permissions, setPermissions] = createSignal<readonly Permission[]>([]);
  const [fault, setFault] = createSignal<string | null>(null);
  // What the stream brought while the query was under way is newer than the query's answer.
  const newer = new Map<string, ClusterHealth>();

  function show(clusters: readonly ClusterHealth[]): void {
    const sorted = clusters
      .filter(({ isConfigured }) => isConfigured)
      .toSorted((left, right) => left.name.localeCompare(right.name));
    setState('all', reconcile(sorted));
  }

  async function load(): Promise<void> {
    newer.clear();
    try {
      const { clusters, viewer } = await ask(api, clustersQuery, {});
      setPermissions(viewer.permissions);
      show(clusters.map((cluster) => newer.get(cluster.id) ?? cluster));
      setFault(null);
    } catch (error) {
      setFault(describeError(error));
    }
    setIsLoaded(true);
  }

  onCleanup(
    openStream(api.socket, {
      document: clusterStatusSubscription,
      variables: {},
      next: ({ clusterStatus }) => {
        newer.set(clusterStatus.id, clusterStatus);
        show([...state.all.filter((cluster) => cluster.id !== clusterStatus.id), clusterStatus]);
      },
      isFinished: () => false,
      fault: setFault,
    }),
  );
  // The stream tells of changes only, so each new connection needs the whole once.
  onCleanup(api.socket.onConnected(() => void load()));
  void load();

  return {
    get all() {
      return state.all;
    },
    isLoaded,
    may: (permission) => permissions().includes(permission),
    fault,
    get: (name) => state.all.find((cluster) => cluster.name === name),
  };
}

/** `Job.isStale`, as it changes: no event of a job says so. A cluster that is no longer in clusters.yaml is stale. */
export function isStale(job: { isActive: boolean; cluster: { name: string } }, clusters: LiveClusters): boolean {
  return job.isActive && clusters.isLoaded() && (clusters.get(job.cluster.name)?.isStale ?? true);
}

export const ClustersContext = createContext<LiveClusters>();

export function useClusters(): LiveClusters {
  const clusters = useContext(ClustersContext);
  if (clusters === undefined) throw new Error('useClusters() needs a ClustersContext around it');
  return clusters;
}
