import { graphql, type ResultOf } from '../../graphql/graphql.ts';

export const inventoryQuery = graphql(`
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
          gpuType
          total
          allocated
          idle
          unavailable
          obtainable
        }
        shards {
          gpuType
          total
          allocated
          idle
          unavailable
          obtainable
        }
        mps {
          gpuType
          total
          allocated
          idle
          unavailable
          obtainable
        }
      }
      gpuAvailability(maxAgeSeconds: $maxAgeSeconds) {
        fetchedAt
        isStale
        pools {
          gpuType
          total
          allocated
          idle
          unavailable
          obtainable
        }
        shards {
          gpuType
          total
          allocated
          idle
          unavailable
          obtainable
        }
        mps {
          gpuType
          total
          allocated
          idle
          unavailable
          obtainable
        }
      }
    }
  }
`);

type Inventory = NonNullable<ResultOf<typeof inventoryQuery>['cluster']>;
export type Partition = NonNullable<Inventory['partitions']>[number];
export type GpuAvailability = NonNullable<Inventory['gpuAvailability']>;
export type GpuPool = GpuAvailability['pools'][number];
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
