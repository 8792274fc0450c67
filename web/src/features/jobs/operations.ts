import { graphql } from '../../graphql/graphql.ts';
import { jobRowFragment } from '../../graphql/job-row.ts';

export const jobsQuery = graphql(
  `
    query Jobs($filter: JobFilter, $orderBy: JobOrder, $after: String) {
      jobs(first: 100, after: $after, filter: $filter, orderBy: $orderBy) {
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
  `,
  [jobRowFragment],
);

export const projectNamesQuery = graphql(`
  query ProjectNames {
    projects(first: 100) {
      nodes {
        id
        name
      }
    }
  }
`);

// Writes of many jobs are one to the page: all of them answer by the same name.

export const cancelJobsMutation = graphql(`
  mutation CancelJobs($ids: [ID!]!) {
    outcome: cancelJobs(input: { ids: $ids }) {
      results {
        job {
          id
        }
        userErrors {
          message
        }
      }
    }
  }
`);

export const holdJobsMutation = graphql(`
  mutation HoldJobs($ids: [ID!]!) {
    outcome: holdJobs(input: { ids: $ids }) {
      results {
        job {
          id
        }
        userErrors {
          message
        }
      }
    }
  }
`);

export const releaseJobsMutation = graphql(`
  mutation ReleaseJobs($ids: [ID!]!) {
    outcome: releaseJobs(input: { ids: $ids }) {
      results {
        job {
          id
        }
        userErrors {
          message
        }
      }
    }
  }
`);

export const archiveJobsMutation = graphql(`
  mutation ArchiveJobs($ids: [ID!]!) {
    outcome: archiveJobs(input: { ids: $ids }) {
      results {
        job {
          id
        }
        userErrors {
          message
        }
      }
    }
  }
`);

export const unarchiveJobsMutation = graphql(`
  mutation UnarchiveJobs($ids: [ID!]!) {
    outcome: unarchiveJobs(input: { ids: $ids }) {
      results {
        job {
          id
        }
        userErrors {
          message
        }
      }
    }
  }
`);
