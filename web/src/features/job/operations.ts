import { graphql, type ResultOf } from '../../graphql/graphql.ts';
import { jobRowFragment } from '../../graphql/job-row.ts';

const jobDetailsFragment = graphql(`
  fragment JobDetails on Job {
    id
    name
    slurmJobId
    state
    isActive
    isArray
    actions
    reason
    exitCode
    signal
    attempt
    evidence {
      source
      word
      seenAt
    }
    attempts {
      number
      outcome
      startedAt
      endedAt
    }
    description
    tags
    submitMessage
    command
    gitCommit
    hasUncommittedChanges
    workDir
    stdoutUrl: logUrl(stream: STDOUT)
    stderrUrl: logUrl(stream: STDERR)
    partition
    nodeList
    submittedAt
    startedAt
    endedAt
    estimatedStartAt
    arrayTaskId
    project {
      id
      name
    }
    cluster {
      id
      name
    }
    submittedBy {
      id
      name
    }
    basedOn {
      id
      name
    }
    derivedJobs(first: 5) {
      nodes {
        id
        name
      }
      totalCount
    }
    arrayParent {
      id
      name
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
    allocated {
      cpus
      memoryMb
      gpus {
        gpuType
        count
      }
      nodes
      timeLimitMinutes
    }
    components {
      slurmJobId
      partition
      word
      nodeList
      resources {
        gpus
        gpuType
        gpusTotal
        gpusPerTask
      }
    }
    taskCounts {
      state
      count
    }
    events(first: 200) {
      nodes {
        cursor
        kind
        at
        state
        message
        request
        actor {
          id
          name
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`);

export type JobDetails = ResultOf<typeof jobDetailsFragment>;
export type TimelineEvent = JobDetails['events']['nodes'][number];

export const jobQuery = graphql(
  `
    query Job($id: ID!) {
      job(id: $id) {
        ...JobDetails
      }
    }
  `,
  [jobDetailsFragment],
);

export const jobStatusSubscription = graphql(
  `
    subscription JobStatus($id: ID!) {
      jobStatus(id: $id) {
        ...JobDetails
      }
    }
  `,
  [jobDetailsFragment],
);

export const jobChangesSubscription = graphql(`
  subscription JobChanges($filter: JobFilter, $after: String) {
    jobEvents(filter: $filter, after: $after) {
      cursor
      kind
      job {
        id
      }
    }
  }
`);

export const jobScriptQuery = graphql(`
  query JobScript($id: ID!) {
    job(id: $id) {
      id
      script
    }
  }
`);

export const jobRecordQuery = graphql(`
  query JobRecord($id: ID!) {
    job(id: $id) {
      id
      record
    }
  }
`);

export const jobTasksQuery = graphql(
  `
    query JobTasks($id: ID!, $after: String) {
      job(id: $id) {
        id
        tasks(first: 100, after: $after) {
          edges {
            cursor
            node {
              ...JobRow
            }
          }
          pageInfo {
            hasNextPage
          }
          totalCount
        }
      }
    }
  `,
  [jobRowFragment],
);

// Writes of a job are one to the page: all of them answer by the same name.

export const cancelJobMutation = graphql(`
  mutation CancelJob($id: ID!) {
    outcome: cancelJob(input: { id: $id }) {
      job {
        id
      }
      userErrors {
        message
      }
    }
  }
`);

export const holdJobMutation = graphql(`
  mutation HoldJob($id: ID!) {
    outcome: holdJob(input: { id: $id }) {
      job {
        id
      }
      userErrors {
        message
      }
    }
  }
`);

export const releaseJobMutation = graphql(`
  mutation ReleaseJob($id: ID!) {
    outcome: releaseJob(input: { id: $id }) {
      job {
        id
      }
      userErrors {
        message
      }
    }
  }
`);

export const requeueJobMutation = graphql(`
  mutation RequeueJob($id: ID!) {
    outcome: requeueJob(input: { id: $id }) {
      job {
        id
      }
      userErrors {
        message
      }
    }
  }
`);

export const updateJobMutation = graphql(`
  mutation UpdateJob($input: UpdateJobInput!) {
    outcome: updateJob(input: $input) {
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

export const resubmitJobMutation = graphql(`
  mutation ResubmitJob($id: ID!, $idempotencyKey: String) {
    outcome: resubmitJob(input: { id: $id, idempotencyKey: $idempotencyKey }) {
      job {
        id
      }
      userErrors {
        message
      }
    }
  }
`);
