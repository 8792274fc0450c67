export { archiveJobs } from './archive-jobs.ts';
export { cancelJob, cancelJobs } from './cancel-job.ts';
export { connectCluster } from './connect-cluster.ts';
export type { ActionContext } from './context.ts';
export { holdJob, releaseJob, requeueJob } from './control-job.ts';
export { addProject, removeProject, syncProject, updateProject } from './projects.ts';
export { resubmitJob } from './resubmit-job.ts';
export { submitJob } from './submit-job.ts';
export { type ClusterTest, testCluster } from './test-cluster.ts';
