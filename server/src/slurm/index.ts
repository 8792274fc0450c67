export { SlurmAdapter } from './adapter.ts';
export { readMegabytes, readMinutes } from './amounts.ts';
export { batchScript, DOUBLE_EXIT_CODE, environmentFile } from './batch-script.ts';
export { type Directive, interpreterFault, interpreterNotice, type LineRemark, readDirectives } from './directives.ts';
export { SlurmUnavailable, UnreadableAnswer } from './errors.ts';
export { faultInOption, MAX_SHORT_COUNT } from './further-options.ts';
export { type GpuDemand, gpuDemands, MOST_NODE_NAMES, mayGetNode } from './gpu-demands.ts';
export { faultInJobName, slurmJobName } from './job-name.ts';
export { checkLogin, type LoginShell, WorkspaceTrial } from './login-check.ts';
export { constraintConflict, optionConflicts, rivalsOf } from './option-conflicts.ts';
export type { OwnJobs } from './own-jobs.ts';
export type { JobAccount } from './parse/accounting.ts';
export type { EndMarker, LastRecord } from './parse/markers.ts';
export { mentions } from './parse/queue.ts';
export type { QueueSnapshot } from './parse/queue-answer.ts';
export { rejectedField, type SubmitAnswer, tellsOfNoAnswer } from './parse/submit.ts';
export { inTurns, Pace, type Reading } from './parse/turns.ts';
export { isDoubtfulCode, isDoubtfulSignal } from './parse/values.ts';
export { MAX_OPTIONS_BYTES, optionsSize, type SubmitRequest } from './sbatch-options.ts';
export { ShownJobs } from './shown-jobs.ts';
export type {
  Accounting,
  Begun,
  Claimer,
  JobControl,
  JobRecords,
  LoginFacts,
  MarkerPlace,
  Slurm,
  SlurmAccounting,
  SlurmControl,
  SlurmQueue,
  SlurmSubmission,
  SubmitPreview,
  UnpackAnswer,
} from './slurm.ts';
export type { Unreadable } from './together.ts';
export { absoluteWorkspace } from './workspace.ts';
