import { isDeepStrictEqual } from 'node:util';
import { backOffMs, refusedBackOffMs } from './back-off.ts';
import type { ConnectionState } from './connection-state.ts';
import type { AcceptedKeys, PlannedHop } from './dial/dial.ts';
import type { DialFailure } from './dial/failure.ts';
import { LOG_IN_AGAIN } from './login-prompts.ts';
import type { SshTiming } from './timing.ts';

/** What follows a failed attempt. */
interface Retreat {
  readonly state: Extract<ConnectionState, { readonly status: 'unreachable' | 'refused' }>;
  /** How long to wait for the next attempt; null: a person has to ask for it. */
  readonly retryMs: number | null;
}

/** Keeps over restarts of the server what a login has shown of itself. */
export interface LoginMemory {
  /** The keys that the last login took to get in without asking anybody; null: it asked, or there was none. */
  readonly worked: AcceptedKeys | null;
  /** Takes the place of what is kept. */
  keep(worked: AcceptedKeys | null): void;
}

/**
 * Decides how a login is tried, and when again, by what it has shown of itself: a login that asks a person is left to
 * persons, and one that worked without them is tried again even when it is refused, but rarely.
 */
export class ReconnectPolicy {
  /** An administrator's words for a cluster that can't be reached. */
  readonly #help: string | undefined;
  readonly #timing: SshTiming;
  readonly #memory: LoginMemory | undefined;
  /** The last login that got anywhere asked a person. */
  #asksPerson = false;
  /** As in the memory. */
  #worked: AcceptedKeys | null;
  /** In a row, since it last worked. */
  #refusals = 0;
  /** In a row, since a connection last held for long. */
  #failures = 0;

  constructor(help: string | undefined, timing: SshTiming, memory?: LoginMemory) {
    this.#help = help;
    this.#timing = timing;
    this.#memory = memory;
    this.#worked = memory?.worked ?? null;
  }

  /** Whether its login has asked a person: only a person can make the connection again once it is lost. */
  get asksPerson(): boolean {
    return this.#asksPerson;
  }

  /**
   * What a login by way of `hops` may do. `isAttended`: a person has asked for it and can answer. What worked for other
   * hosts, users or keys is forgotten.
   */
  login(
    isAttended: boolean,
    hops: readonly PlannedHop[],
  ): { readonly mayAsk: boolean; readonly onlyKeys: AcceptedKeys | null } {
    if (this.#worked !== null && !isFor(this.#worked, hops)) this.#remember(null);
    // What works without a person is not to begin asking where nobody is there, and once refused offers what worked.
    const isAlone = !isAttended && (this.#worked !== null || this.#refusals > 0);
    return { mayAsk: !isAlone, onlyKeys: isAlone && this.#refusals > 0 ? this.#worked : null };
  }

  /** A login under way asks a person. */
  asked(): void {
    this.#asksPerson = true;
    this.#remember(null);
  }

  /** `hasAsked`: it asked a person before it let anybody in. */
  loggedIn(hasAsked: boolean, keys: AcceptedKeys | null): void {
    this.#asksPerson = hasAsked;
    this.#remember(hasAsked ? null : keys);
    this.#refusals = 0;
  }

  /**
   * A connection was lost that held for so long: whether it is made again at once. Otherwise that is a failure as that
   * of an attempt. `isGivenUp`: by this side, for what the server did.
   */
  lost(heldMs: number, isGivenUp: boolean): boolean {
    if (this.#asksPerson) {
      this.#failures = 0;
      return false;
    }
    // What hangs stays on the cluster, which is to get no more of it each minute; a hostile one does the same again.
    if (heldMs >= this.#timing.steadyAfterMs && !isGivenUp) this.#failures = 0;
    else if (this.#failures === 0) this.#failures = 1;
    // A server that drops every login at once is not to be bothered each second.
    else return false;
    return true;
  }

  failed(failure: DialFailure): Retreat {
    this.#failures += 1;
    if (failure.status === 'refused') return this.#refused(failure);
    const message = this.#help === undefined ? failure.message : `${failure.message}. ${this.#help.trim()}`;
    if (this.#asksPerson) return givenUp(`${message.replace(/\.$/, '')}. ${LOG_IN_AGAIN}`);
    const retryMs = backOffMs(this.#failures, Math.random());
    return { state: { status: 'unreachable', message, retryAt: new Date(Date.now() + retryMs) }, retryMs };
  }

  /** A login that worked before by keys alone is tried again, rarely: a home or an agent may have been away for a while. */
  #refused({ message, passing }: DialFailure): Retreat {
    if (passing === undefined || this.#worked === null) return givenUp(message);
    this.#refusals += 1;
    const retryMs = refusedBackOffMs(this.#timing.refusedRetryMs, this.#refusals, Math.random());
    const retryAt = new Date(Date.now() + retryMs);
    const time = retryAt.toISOString().slice(11, 16);
    const plan =
      `It worked before and asked nobody, so it is tried again by itself, with the same key alone: at ${time} UTC, and` +
      ' ever more rarely lest the account gets banned. Ask for a new login to have it tried at once.';
    return { state: { status: 'refused', message: `${passing} ${plan}`, retryAt }, retryMs };
  }

  #remember(worked: AcceptedKeys | null): void {
    if (isDeepStrictEqual(worked, this.#worked)) return;
    this.#worked = worked;
    this.#memory?.keep(worked);
  }
}

/** Whether the keys are those of this way to the cluster. */
function isFor(keys: AcceptedKeys, hops: readonly PlannedHop[]): boolean {
  return (
    hops.length === keys.size &&
    hops.every(({ label, keys: held, isKeyNamed }) => {
      const key = keys.get(label);
      return key !== undefined && (!isKeyNamed || held.includes(key));
    })
  );
}

function givenUp(message: string): Retreat {
  return { state: { status: 'refused', message, retryAt: null }, retryMs: null };
}
