export { SshConnection } from './connection.ts';
export type { AnswerOutcome, ConnectionState, LoginPrompt } from './connection-state.ts';
export type { RequestOptions } from './deadline.ts';
export type { DialStage, DialStep } from './dial/report.ts';
export {
  type FileFault,
  RemoteFileError,
  SshError,
  SshInterrupted,
  SshOutputTooLarge,
  SshUnavailable,
} from './errors.ts';
export { Gate } from './gate.ts';
export { LongAnswers } from './long-answers.ts';
export type { LoginMemory } from './reconnect-policy.ts';
export type { RunOptions, SshMeter } from './requests.ts';
export type { CommandResult } from './session/command.ts';
export { type FoundMatch, SearchPatternError } from './session/file-search.ts';
export type { FileStatus } from './session/file-transport.ts';
export type { FileTransportKind, RemoteFiles } from './session/remote-files.ts';
export type { SshEnvironment, SshSettings } from './settings.ts';
export { quote } from './shell.ts';
