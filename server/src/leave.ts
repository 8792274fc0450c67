/** What Node is waiting for on one of its threads: files, names of hosts. */
const ON_A_THREAD = /^(?:FSReq|GetAddrInfoReq|GetNameInfoReq|QueryReq)/;

/**
 * Ends the process now. Node's own way waits for its threads, and so for a disk or a resolver that hangs, for ever:
 * then another program takes the process's place and ends with the same code.
 */
export function leave(code: number): never {
  if (process.execve !== undefined && process.getActiveResourcesInfo().some((name) => ON_A_THREAD.test(name))) {
    process.execve('/bin/sh', ['sh', '-c', `exit ${code}`], {});
  }
  process.exit(code);
}
