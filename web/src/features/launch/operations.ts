import { graphql, type ResultOf, type VariablesOf } from '../../graphql/graphql.ts';

export const launchProjectsQuery = graphql(`
  query LaunchProjects {
    projects(first: 100) {
      nodes {
        id
        name
        branch
        isDirty
        headCommit {
          sha
          subject
        }
        statusMessage
        branches {
          name
        }
        tags {
          name
        }
      }
    }
  }
`);

export type LaunchProject = ResultOf<typeof launchProjectsQuery>['projects']['nodes'][number];

export const offerQuery = graphql(`
  query Offer($cluster: String!) {
    cluster(name: $cluster) {
      id
      partitions {
        name
        isDefault
        state
        gpus {
          gpuType
          obtainable
        }
      }
      gpuAvailability {
        fetchedAt
        pools {
          gpuType
          total
          obtainable
        }
      }
    }
  }
`);

export type Offer = NonNullable<ResultOf<typeof offerQuery>['cluster']>;

export const originalJobQuery = graphql(`
  query OriginalJob($id: ID!) {
    job(id: $id) {
      id
      name
      description
      tags
      command
      gitCommit
      hasUncommittedChanges
      partition
      project {
        id
      }
      cluster {
        id
        name
      }
      submission {
        isSingleton
      }
      resources {
        nodes
        maxNodes
        tasks
        cpusPerTask
        memoryMb
        gpus
        gpuType
        gpusTotal
        gpusPerTask
        timeLimitMinutes
        account
        qos
        array
      }
    }
  }
`);

export type OriginalJob = NonNullable<ResultOf<typeof originalJobQuery>['job']>;

export const submitJobMutation = graphql(`
  mutation SubmitJob($input: SubmitJobInput!) {
    submitJob(input: $input) {
      job {
        id
      }
      userErrors {
        message
        path
      }
    }
  }
`);

export const previewJobMutation = graphql(`
  mutation PreviewJob($input: SubmitJobInput!, $clusters: [String!]) {
    previewJob(input: $input, clusters: $clusters) {
      previews {
        cluster {
          id
          name
        }
        script
        isAccepted
        message
        estimatedStartAt
        nodeList
      }
      userErrors {
        message
        path
      }
    }
  }
`);

export type JobPreview = ResultOf<typeof previewJobMutation>['previewJob']['previews'][number];

export type SubmitJobInput = VariablesOf<typeof submitJobMutation>['input'];
