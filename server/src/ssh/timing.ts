/** How long a connection waits for what. All in ms. */
export interface SshTiming {
  /** For one attempt: all hops, their handshakes and logins. Anew after each answer of a person. */
  readonly connectTimeoutMs: number;
  /** How long a host that asks is kept waiting; from the beginning of its login. */
  readonly answerTimeoutMs: number;
  /** A silent connection is asked for a sign of life this often, and given up after `keepAliveMisses` without one. */
  readonly keepAliveIntervalMs: number;
  readonly keepAliveMisses: number;
  /** A connection that held so long was a good one: when it is lost, the next attempt comes quickly. */
  readonly steadyAfterMs: number;
  readonly quickRetryMs: number;
  /** The least time from one attempt to the next, however often a person asks. */
  readonly askAgainMs: number;
  /** The same where it is no person who asks, but something to be done on the cluster. */
  readonly wantedAgainMs: number;
  /** A login that worked before and is refused is tried again after so long, then ever more rarely. */
  readonly refusedRetryMs: number;
  /** So long the server may leave a channel without its opening, an answer over SFTP, or its end. */
  readonly silenceMs: number;
}

export const USUAL_TIMING: SshTiming = {
  connectTimeoutMs: 15_000,
  // sshd ends a login after two minutes (LoginGraceTime) unless told otherwise.
  answerTimeoutMs: 115_000,
  keepAliveIntervalMs: 10_000,
  keepAliveMisses: 3,
  steadyAfterMs: 30_000,
  quickRetryMs: 300,
  askAgainMs: 5_000,
  wantedAgainMs: 30_000,
  // Two failures in the ten minutes that bans usually count (fail2ban: five, findtime 10 min).
  refusedRetryMs: 5 * 60_000,
  // Longer than a dead connection takes to be noticed, which says more.
  silenceMs: 45_000,
};
