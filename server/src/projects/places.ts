import { ServerBusy } from './git-error.ts';

interface PlacesOptions {
  /** So many at a time, of one owner and of all. An owner is a repository, or a project. */
  readonly ofOwner: number;
  readonly inAll: number;
  /** Of those in all, so many are for owners who have none: however many are stuck, another one needs no patience. */
  readonly keptForOthers?: number;
  /** Default: as long as it takes. */
  readonly patienceMs?: number;
  /** What those are told who have waited for so long. */
  readonly busy?: string;
}

/** A place of the owner and one of all. */
export interface Place {
  /** Of all, another one may come in; the owner's is kept. */
  leaveAll(): void;
  leave(): void;
}

interface Waiter {
  begin(): void;
}

/** Bounds what is done at a time, so that a repository whose disk hangs, or that has much to do, keeps no other from its work. */
export class Places {
  readonly #options: PlacesOptions;
  readonly #taken = new Map<string, number>();
  #takenInAll = 0;
  /** By owner. The one who has left a place last comes last. */
  readonly #waiting = new Map<string, Set<Waiter>>();

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /**
   * Waits for a place: owners take turns, those first who have the fewest places, and what one owner does begins in its
   * order. Throws ServerBusy.
   */
  async take(owner: string, { patienceMs }: Pick<PlacesOptions, 'patienceMs'> = this.#options): Promise<Place> {
    if (this.#hasRoom(owner)) this.#begin(owner);
    else await this.#turn(owner, patienceMs);
    return this.#place(owner);
  }

  /** Does work once there is a place for it, which it has until it has ended. */
  async run<T>(owner: string, work: () => Promise<T>): Promise<T> {
    const place = await this.take(owner);
    try {
      return await work();
    } finally {
      place.leave();
    }
  }

  #place(owner: string): Place {
    let isInAll = true;
    let isHeld = true;
    const leaveAll = () => {
      if (isInAll) this.#takenInAll -= 1;
      isInAll = false;
      this.#callNext();
    };
    const leave = () => {
      if (!isHeld) return;
      isHeld = false;
      const left = this.#takenOf(owner) - 1;
      if (left === 0) this.#taken.delete(owner);
      else this.#taken.set(owner, left);
      const waiting = this.#waiting.get(owner);
      this.#waiting.delete(owner);
      if (waiting !== undefined) this.#waiting.set(owner, waiting);
      leaveAll();
    };
    return { leaveAll, leave };
  }

  #takenOf(owner: string): number {
    return this.#taken.get(owner) ?? 0;
  }

  #hasRoom(owner: string): boolean {
    const { ofOwner, inAll, keptForOthers = 0 } = this.#options;
    const taken = this.#takenOf(owner);
    return taken < ofOwner && this.#takenInAll < inAll - (taken > 0 ? keptForOthers : 0);
  }

  #begin(owner: string): void {
    this.#takenInAll += 1;
    this.#taken.set(owner, this.#takenOf(owner) + 1);
  }

  #callNext(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) next.begin();
  }

  /** Of those who wait and can have a place. */
  #next(): Waiter | undefined {
    if (this.#takenInAll >= this.#options.inAll) return undefined;
    let chosen: string | undefined;
    for (const owner of this.#waiting.keys()) {
      if (!this.#hasRoom(owner)) continue;
      if (chosen === undefined || this.#takenOf(owner) < this.#takenOf(chosen)) chosen = owner;
    }
    if (chosen === undefined) return undefined;
    return this.#waiting.get(chosen)?.values().next().value;
  }

  /** Resolves with its place taken. */
  #turn(owner: string, patienceMs = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise((resolve, reject) => {
      const forget = () => {
        const own = this.#waiting.get(owner);
        own?.delete(waiter);
        if (own?.size === 0) this.#waiting.delete(owner);
      };
      const waiter: Waiter = {
        begin: () => {
          clearTimeout(late);
          forget();
          this.#begin(owner);
          resolve();
        },
      };
      const giveUp = () => {
        forget();
        reject(new ServerBusy(this.#options.busy ?? 'the server is busy'));
      };
      const late = Number.isFinite(patienceMs) ? setTimeout(giveUp, patienceMs) : undefined;
      const own = this.#waiting.get(owner) ?? new Set();
      own.add(waiter);
      this.#waiting.set(owner, own);
    });
  }
}
