import { type GraphQLError, OperationTypeNode } from 'graphql';
import { requestFault } from './error-codes.ts';

/** How many large operations there may be at a time: in total, and of one account. */
export const GATE = {
  running: 3,
  runningOfAccount: 2,
  /** Operations that have not begun. */
  waiting: 300,
  waitingOfAccount: 100,
  /** Operations that turned out to be large while they ran, and hold what they have read. */
  waitingBegun: 8,
  waitingBegunOfAccount: 4,
  /** How long one may keep its place while others wait. */
  seconds: 20,
} as const;

/** The right to run as a large operation, until it is released. */
export interface Place extends Disposable {
  /** Resolves once others wait and it has been held for too long. */
  readonly overdue: Promise<void>;
}

/** A request for a place, and whether it can be refused. */
export interface Applicant {
  /** The account: accounts take turns, however many operations each has. */
  readonly account: string;
  readonly kind: OperationTypeNode;
  readonly hasBegun: boolean;
  /** Aborted once nobody waits for the answer. */
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly applicant: Applicant;
  readonly start: (place: Place) => void;
}

/**
 * Lets a few large operations run at a time while the others wait, so that memory is bounded for any number of
 * requests. Small ones don't pass through it.
 */
export class Gate {
  /** How many run, by account. */
  readonly #running = new Map<string, number>();
  /** By account; the next one comes first. */
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #held = new Set<HeldPlace>();

  get running(): number {
    return this.#held.size;
  }

  get waiting(): number {
    let count = 0;
    for (const waiting of this.#waiting.values()) count += waiting.size;
    return count;
  }

  /** Rejects with an error for the client if too many wait, or with the signal's reason. */
  async enter(applicant: Applicant): Promise<Place> {
    const { account, signal } = applicant;
    signal.throwIfAborted();
    if (this.#hasRoom(account)) return this.#hold(account);
    const refusal = this.#refusal(applicant);
    if (refusal !== null) throw refusal;
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#remove(account, waiting);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        applicant,
        start: (place) => {
          signal.removeEventListener('abort', leave);
          resolve(place);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.set(account, (this.#waiting.get(account) ?? new Set()).add(waiting));
      for (const place of this.#held) place.isWanted();
    });
  }

  #hasRoom(account: string): boolean {
    return this.#held.size < GATE.running && (this.#running.get(account) ?? 0) < GATE.runningOfAccount;
  }

  #refusal({ account, kind, hasBegun }: Applicant): GraphQLError | null {
    // Each follows one event at a time, and their number is limited.
    if (kind === OperationTypeNode.SUBSCRIPTION) return null;
    if (hasBegun) {
      // A mutation's result is always returned.
      if (kind === OperationTypeNode.MUTATION) return null;
      const alsoBegun = ({ applicant }: Waiting) => applicant.hasBegun;
      return this.#isFull(alsoBegun, account, GATE.waitingBegunOfAccount, GATE.waitingBegun) ? busy() : null;
    }
    const isNew = ({ applicant }: Waiting) => !applicant.hasBegun && applicant.kind !== OperationTypeNode.SUBSCRIPTION;
    return this.#isFull(isNew, account, GATE.waitingOfAccount, GATE.waiting) ? busy() : null;
  }

  /** Whether as many wait as may: of one account, or in all. */
  #isFull(counts: (waiting: Waiting) => boolean, account: string, ofAccount: number, inAll: number): boolean {
    let count = 0;
    for (const [owner, waiting] of this.#waiting) {
      let own = 0;
      for (const one of waiting) if (counts(one)) own += 1;
      if (owner === account && own >= ofAccount) return true;
      count += own;
    }
    return count >= inAll;
  }

  #hold(account: string): Place {
    const place = new HeldPlace(
      () => this.#waiting.size > 0,
      () => {
        this.#held.delete(place);
        const others = (this.#running.get(account) ?? 1) - 1;
        if (others === 0) this.#running.delete(account);
        else this.#running.set(account, others);
        this.#next();
      },
    );
    this.#held.add(place);
    this.#running.set(account, (this.#running.get(account) ?? 0) + 1);
    return place;
  }

  #next(): void {
    for (const [account, waiting] of this.#waiting) {
      const [first] = waiting;
      if (first === undefined || !this.#hasRoom(account)) continue;
      this.#remove(account, first);
      // After the others, if more of its operations wait.
      const more = this.#waiting.get(account);
      if (more !== undefined) {
        this.#waiting.delete(account);
        this.#waiting.set(account, more);
      }
      first.start(this.#hold(account));
      return;
    }
  }

  #remove(account: string, waiting: Waiting): void {
    const left = this.#waiting.get(account);
    left?.delete(waiting);
    if (left?.size === 0) this.#waiting.delete(account);
  }
}

function busy(): GraphQLError {
  const message = 'Too many large operations are waiting: ask for less at a time, or try again in a moment';
  return requestFault('SERVER_BUSY', message);
}

class HeldPlace implements Place {
  readonly overdue: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  readonly #free: () => void;
  #isOverdue = false;
  #isHeld = true;
  #expire: () => void = () => undefined;

  constructor(isWanted: () => boolean, free: () => void) {
    this.#free = free;
    this.overdue = new Promise((resolve) => {
      this.#expire = resolve;
    });
    this.#timer = setTimeout(() => {
      this.#isOverdue = true;
      if (isWanted()) this.#expire();
    }, GATE.seconds * 1000);
  }

  /** An operation waits. */
  isWanted(): void {
    if (this.#isOverdue) this.#expire();
  }

  [Symbol.dispose](): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    clearTimeout(this.#timer);
    this.#free();
  }
}
