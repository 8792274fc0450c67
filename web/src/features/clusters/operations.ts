import { graphql, type ResultOf } from '../../graphql/graphql.ts';

const poolFragment = graphql(`
  fragment Pool on GpuPool {
    gpuType
    total
    allocated
    idle
    unavailable
    obtainable
  }
`);

export const inventoryQuery = graphql(
  `
  query Inventory($name: String!, $maxAgeSeconds: Int) {
    cluster(name: $name) {
      id
      partitions {
        name
        isDefault
        state
        timeLimitSeconds
        nodeCount
        cpus {
          total
          idle
        }
        gpus {
          gpuType
          total
          idle
          obtainable
        }
      }
      nodes(maxAgeSeconds: $maxAgeSeconds) {
        name
        state
        isUsable
        isPlanned
        isPoweredDown
        isPoweringUp
        obstacle
        reason
        partitions
        cpus {
          total
          allocated
        }
        memoryMb {
          total
          allocated
        }
        gpus {
          ...Pool
        }
        shards {
          ...Pool
        }
        mps {
          ...Pool
        }
      }
      gpuAvailability(maxAgeSeconds: $maxAgeSeconds) {
        fetchedAt
        isStale
        pools {
          ...Pool
        }
        shards {
          ...Pool
        }
        mps {
          ...Pool
        }
      }
    }
  }
`,
  [poolFragment],
);

type Inventory = NonNullable<ResultOf<typeof inventoryQuery>['cluster']>;
export type Partition = NonNullable<Inventory['partitions']>[number];
export type GpuAvailability = NonNullable<Inventory['gpuAvailability']>;
export type GpuPool = ResultOf<typeof poolFragment>;
export type ClusterNode = NonNullable<Inventory['nodes']>[number];

export const connectClusterMutation = graphql(`
  mutation ConnectCluster($input: ConnectClusterInput!) {
    connectCluster(input: $input) {
      cluster {
        id
        status
      }
      userErrors {
        message
      }
    }
  }
`);

export const answerLoginMutation = graphql(`
  mutation AnswerLogin($input: AnswerLoginInput!) {
    answerLogin(input: $input) {
      cluster {
        id
        status
      }
      userErrors {
        message
      }
    }
  }
`);

export const testClusterMutation = graphql(`
  mutation TestCluster($name: String!) {
    testCluster(input: { name: $name }) {
      steps {
        name
        status
        found
        advice
        seconds
      }
      userErrors {
        message
      }
    }
  }
`);

export type TestStep = ResultOf<typeof testClusterMutation>['testCluster']['steps'][number];

const loadWindowFragment = graphql(`
  fragment LoadWindow on LoadWindow {
    since
    commands {
      kind
      count
      seconds
    }
    logins
    seconds
  }
`);

export const clusterLoadQuery = graphql(
  `
  query ClusterLoad($name: String!) {
    cluster(name: $name) {
      id
      load {
        hour {
          ...LoadWindow
        }
        day {
          ...LoadWindow
        }
      }
    }
  }
`,
  [loadWindowFragment],
);

export type LoadWindow = ResultOf<typeof loadWindowFragment>;
