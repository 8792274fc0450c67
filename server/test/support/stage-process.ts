import { aJob, aProject } from '../../src/domain/testing.ts';
import { Stage, TOKEN } from '../../src/http/testing.ts';
import type { StageJob, StageMessage } from './stage-child.ts';

// Runs in a process of its own: see StageChild.
const stage = await Stage.open(undefined, { webDirectory: process.argv[2] });
const projects = new Map<string, string>();

async function create(jobs: readonly StageJob[]): Promise<void> {
  for (const { projectName } of jobs) {
    if (projectName === null || projects.has(projectName)) continue;
    const project = aProject({ name: projectName, path: `/projects/${projectName}` });
    await stage.store.projects.save(project);
    projects.set(projectName, project.id);
  }
  await stage.create(
    jobs.flatMap(({ projectName, tasks = [], ...parts }) => {
      const job = aJob({ ...parts, projectId: projectName === null ? null : (projects.get(projectName) ?? null) });
      if (tasks.length === 0) return [job];
      const array = tasks.map(({ arrayTaskId }) => arrayTaskId).join();
      return [
        { ...job, resources: { ...job.resources, array } },
        ...tasks.map((task) => aJob({ ...parts, ...task, arrayParentId: job.id })),
      ];
    }),
  );
}

const tell = (message: StageMessage) => process.send?.(message);
process.on('message', (jobs: readonly StageJob[]) => {
  create(jobs).then(
    () => tell({ kind: 'created' }),
    (cause: Error) => tell({ kind: 'failed', message: String(cause.stack) }),
  );
});
process.on('disconnect', async () => {
  await stage[Symbol.asyncDispose]();
  process.exit(0);
});
tell({ kind: 'listening', address: stage.address, token: TOKEN });
