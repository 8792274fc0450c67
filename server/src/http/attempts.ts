import type { IncomingMessage } from 'node:http';
import type { Authenticator, Credentials, Unknown, Verdict } from '../auth/index.ts';
import { TokenBucket } from '../domain/token-bucket.ts';
import { BoundedLog, type Logger, type Metrics } from '../telemetry/index.ts';
import { type ClientAddresses, networkOf } from './client-address.ts';
import { credentialsOf } from './credentials.ts';

/** Wrong credentials that an address may send: a burst, then one per this many seconds. */
export const WRONG_AT_ONCE = 30;
export const SECONDS_FOR_A_WRONG_ONE = 5;
/** The same for all addresses together. The first wrong one of an address is always allowed. */
export const WRONG_AT_ONCE_IN_ALL = 300;
export const WRONG_A_SECOND_IN_ALL = 2;
/**
 * The maximum number of addresses with wrong credentials. Beyond it, a new one is added only when another one expires.
 */
const MOST_SUSPECTS = 5_000;
/** The maximum number of remembered addresses with right credentials. */
const MOST_KNOWN = 1_000;
const LOG_LINES_A_MINUTE = 4;

/** Too many wrong credentials came before: any credential gets the same refusal. */
export interface Slowed {
  readonly kind: 'slowed';
}

const SLOWED: Slowed = { kind: 'slowed' };

/**
 * Slows guessing. Beyond its limit, an address gets the same answer for a right token as for a wrong one, unless it has
 * sent a right credential before or the token is too long to guess. So neither its neighbours nor anybody else can lock
 * it out. A valid session is never a guess, because nobody can make one up.
 */
export class Attempts {
  readonly #authenticator: Authenticator;
  readonly #addresses: ClientAddresses;
  readonly #refused: BoundedLog;
  readonly #slowed: BoundedLog;
  readonly #count: Metrics['refusedCredentials'];
  readonly #all = new TokenBucket(WRONG_AT_ONCE_IN_ALL, WRONG_A_SECOND_IN_ALL);
  /** By network; those that have been silent longest come first. */
  readonly #suspects = new Map<string, TokenBucket>();
  readonly #known = new Set<string>();

  constructor(authenticator: Authenticator, addresses: ClientAddresses, log: Logger, metrics: Metrics) {
    this.#authenticator = authenticator;
    this.#addresses = addresses;
    this.#refused = new BoundedLog(log, LOG_LINES_A_MINUTE);
    this.#slowed = new BoundedLog(log, LOG_LINES_A_MINUTE);
    this.#count = metrics.refusedCredentials;
  }

  /** As the authenticator does. `said`: credentials that are not in the headers. */
  authenticate(request: IncomingMessage, said?: Omit<Credentials, 'cookies'>): Verdict | Slowed {
    const credentials = credentialsOf(request, said);
    const verdict = this.#authenticator.authenticate(credentials);
    if (verdict.kind === 'viewer') {
      return this.#isHeard(request, verdict.session === null ? 'token' : 'session') ? verdict : SLOWED;
    }
    const { why } = verdict;
    if (why === 'missing') return verdict;
    // A session's cookie, which browsers send with every request.
    if (why === 'over' || (why === 'keyless' && credentials.key === undefined)) return verdict;
    return this.#isHeard(request, why) ? verdict : SLOWED;
  }

  /** For a token at a sign-in. */
  judge(request: IncomingMessage, token: string): 'right' | 'wrong' | 'slowed' {
    const isRight = this.#authenticator.isToken(token);
    if (!this.#isHeard(request, isRight ? 'token' : 'wrong')) return 'slowed';
    return isRight ? 'right' : 'wrong';
  }

  /** Whether a right credential has come from this address. */
  knows(request: IncomingMessage): boolean {
    return this.#known.has(networkOf(this.#addresses.of(request)));
  }

  /** False: the limit is exceeded. */
  #isHeard(request: IncomingMessage, what: 'token' | 'session' | Unknown): boolean {
    const address = this.#addresses.of(request);
    const network = networkOf(address);
    const isRight = what === 'token' || what === 'session';
    const isGuess = !isRight || (what === 'token' && this.#authenticator.isGuessable && !this.#known.has(network));
    if (isGuess && !this.#mayTry(network)) {
      this.#count.inc({ outcome: 'slowed' });
      this.#slowed.warn({ address }, 'Credentials were not checked, because too many wrong ones came before');
      return false;
    }
    if (isRight) this.#know(network);
    else {
      this.#count.inc({ outcome: 'wrong' });
      this.#refused.warn({ address, why: what }, 'A wrong credential was refused');
    }
    return true;
  }

  #know(network: string): void {
    // The most recent is at the end.
    this.#known.delete(network);
    this.#known.add(network);
    for (const oldest of this.#known) {
      if (this.#known.size <= MOST_KNOWN) break;
      this.#known.delete(oldest);
    }
  }

  /** Counts it. */
  #mayTry(network: string): boolean {
    const suspect = this.#suspects.get(network);
    if (suspect === undefined) {
      if (!this.#hasRoom()) return false;
      const limit = new TokenBucket(WRONG_AT_ONCE, 1 / SECONDS_FOR_A_WRONG_ONE);
      this.#suspects.set(network, limit);
      this.#all.take();
      return limit.take();
    }
    this.#suspects.delete(network);
    this.#suspects.set(network, suspect);
    return suspect.take() && this.#all.take();
  }

  /** Makes room for one more address: those whose limit has recovered are dropped. */
  #hasRoom(): boolean {
    for (const [network, limit] of this.#suspects) {
      if (this.#suspects.size < MOST_SUSPECTS) return true;
      if (!limit.isFull) return false;
      this.#suspects.delete(network);
    }
    return true;
  }
}
