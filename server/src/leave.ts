import { standardError } from './telemetry/standard-error.ts';

/**
 * Ends the process now. Node's own way waits for its threads, and so for ever: for a disk or a resolver that hangs, or for
 * one that compiles and wants a collection of garbage, which the main thread no longer makes (nodejs/node#64274). So
 * another program takes the process's place and ends with the same code. Before, standard error gets what it can accept.
 */
export function leave(code: number): never {
  standardError.finish();
  process.execve?.('/bin/sh', ['sh', '-c', `exit ${code}`], {});
  process.exit(code);
}
