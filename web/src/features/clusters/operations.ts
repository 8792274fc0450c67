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
        }
        nodes {
          node
          state
          reason
          partitions
          pools {
            gpuType
            total
            allocated
            idle
            unavailable
          }
        }
      }
    }
  }
`);

type Inventory = NonNullable<ResultOf<typeof inventoryQuery>['cluster']>;
export type Partition = NonNullable<Inventory['partitions']>[number];
export type GpuAvailability = NonNullable<Inventory['gpuAvailability']>;
export type GpuPool = GpuAvailability['pools'][number];
export type NodeGpus = GpuAvailability['nodes'][number];

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
