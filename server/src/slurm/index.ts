export { type LoginFacts, SlurmAdapter } from './adapter.ts';
export { batchScript, environmentFile } from './batch-script.ts';
export type { JobControl } from './commands.ts';
export { SlurmUnavailable } from './errors.ts';
export { slurmJobName } from './job-name.ts';
export type { EndMarker } from './parse/markers.ts';
export type { QueueSnapshot } from './parse/queue.ts';
export { rejectedField, type SubmitAnswer } from './parse/submit.ts';
export { faultInOption, type SubmitRequest } from './sbatch-options.ts';
