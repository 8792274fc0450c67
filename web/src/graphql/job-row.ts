import { graphql, type ResultOf } from './graphql.ts';

/** What a list shows of a job, and what its filters look at. */
export const jobRowFragment = graphql(`
  fragment JobRow on Job {
    id
    name
    slurmJobId
    state
    isActive
    isArchived
    actions
    reason
    exitCode
    signal
    command
    gitCommit
    partition
    nodeList
    submittedAt
    startedAt
    endedAt
    arrayTaskId
    tags
    number
    project {
      id
      name
    }
    cluster {
      id
      name
    }
    resources {
      nodes
      tasks
      cpusPerTask
      memoryMb
      gpus
      gpusTotal
      gpusPerTask
      gpuType
      array
    }
    allocated {
      cpus
      memoryMb
      gpus {
        gpuType
        count
      }
    }
    taskCounts {
      state
      count
    }
    arrayParent {
      id
    }
  }
`);

export type JobRow = ResultOf<typeof jobRowFragment>;
