export { answerLogin } from './answer-login.ts';
export { cancelJob } from './cancel-job.ts';
export { connectCluster } from './connect-cluster.ts';
export type { ActionContext } from './context.ts';
export { addProject, removeProject, syncProject, updateProject } from './projects.ts';
export { submitJob } from './submit-job.ts';
