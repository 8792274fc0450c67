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
