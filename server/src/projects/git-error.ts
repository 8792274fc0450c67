/** git said no, didn't answer in time, or isn't there; or files can't be sent. The message is one line. */
export class GitError extends Error {
  override readonly name = 'GitError';
}

/** git itself ended with this code. */
export class GitExit extends GitError {
  readonly exitCode: number;

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** A directory that may hold files of the work tree, into which git couldn't look. */
export class UnreadableDirectory extends GitError {}

/** Others are at work with so much that there is no room for this one now: it may be tried again. */
export class ServerBusy extends GitError {}
