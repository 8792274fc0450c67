import { graphql, type ResultOf } from '../../graphql/graphql.ts';

const projectFragment = graphql(`
  fragment ProjectDetails on Project {
    id
    name
    path
    condaEnv
    prologue
    remoteUrl
    branch
    headCommit {
      sha
      subject
      author
      committedAt
    }
    isDirty
    status
    statusMessage
    syncedAt
  }
`);

export type ProjectDetails = ResultOf<typeof projectFragment>;

export const projectsQuery = graphql(
  `
    query Projects {
      projects(first: 100) {
        nodes {
          ...ProjectDetails
        }
        totalCount
      }
    }
  `,
  [projectFragment],
);

export const uncommittedFilesQuery = graphql(`
  query UncommittedFiles($id: ID!) {
    node(id: $id) {
      id
      ... on Project {
        uncommittedFiles {
          path
          kind
          sizeBytes
        }
      }
    }
  }
`);

/** The server sees a change within a second or two. */
export const REFRESH_MS = 3_000;

export const addProjectMutation = graphql(
  `
    mutation AddProject($input: AddProjectInput!) {
      addProject(input: $input) {
        project {
          ...ProjectDetails
        }
        userErrors {
          message
          path
        }
      }
    }
  `,
  [projectFragment],
);

export const updateProjectMutation = graphql(
  `
    mutation UpdateProject($input: UpdateProjectInput!) {
      updateProject(input: $input) {
        project {
          ...ProjectDetails
        }
        userErrors {
          message
          path
        }
      }
    }
  `,
  [projectFragment],
);

export const syncProjectMutation = graphql(
  `
    mutation SyncProject($input: SyncProjectInput!) {
      syncProject(input: $input) {
        project {
          ...ProjectDetails
        }
        userErrors {
          message
        }
      }
    }
  `,
  [projectFragment],
);

export const removeProjectMutation = graphql(`
  mutation RemoveProject($input: RemoveProjectInput!) {
    removeProject(input: $input) {
      removedProjectId
      userErrors {
        message
      }
    }
  }
`);
