import { graphql, type ResultOf } from '../../graphql/graphql.ts';

export const compareJobsQuery = graphql(`
  query CompareJobs($ids: [ID!]!) {
    compareJobs(ids: $ids) {
      jobs {
        id
        name
        slurmJobId
        state
        exitCode
        signal
        isActive
        submittedAt
        startedAt
        endedAt
        cluster {
          id
          name
        }
      }
      differences {
        field
        values
      }
    }
  }
`);

export type Comparison = ResultOf<typeof compareJobsQuery>['compareJobs'];
