import { ServerBusy } from './git-error.ts';

interface PlacesOptions {
  /** So many at a time, of one repository and of all. */
  readonly inRepository: number;
  readonly inAll: number;
  readonly patienceMs: number;
  /** What those are told who have waited for so long. */
  readonly busy: string;
}

/** A place of the repository and one of all. */
export interface Place {
  /** Of all, another one may come in; the repository's is kept. */
  leaveAll(): void;
  leave(): void;
}

interface Waiter {
  readonly repository: string;
  begin(): void;
}

/** Bounds what is done at a time, so that a repository whose disk hangs keeps no other from its work. */
export class Places {
  readonly #options: PlacesOptions;
  readonly #taken = new Map<string, number>();
  #takenInAll = 0;
  readonly #waiting = new Set<Waiter>();

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /** Waits for a place: of those that can have one, the first come is the first served. Throws ServerBusy. */
  async take(repository: string, { patienceMs }: Pick<PlacesOptions, 'patienceMs'> = this.#options): Promise<Place> {
    if (this.#hasRoom(repository)) this.#begin(repository);
    else await this.#turn(repository, patienceMs);
    return this.#place(repository);
  }

  #place(repository: string): Place {
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
      const left = (this.#taken.get(repository) ?? 0) - 1;
      if (left === 0) this.#taken.delete(repository);
      else this.#taken.set(repository, left);
      leaveAll();
    };
    return { leaveAll, leave };
  }

  #hasRoom(repository: string): boolean {
    const { inRepository, inAll } = this.#options;
    return this.#takenInAll < inAll && (this.#taken.get(repository) ?? 0) < inRepository;
  }

  #begin(repository: string): void {
    this.#takenInAll += 1;
    this.#taken.set(repository, (this.#taken.get(repository) ?? 0) + 1);
  }

  #callNext(): void {
    for (const waiter of this.#waiting) {
      if (this.#takenInAll >= this.#options.inAll) return;
      if (this.#hasRoom(waiter.repository)) waiter.begin();
    }
  }

  /** Resolves with its place taken. */
  #turn(repository: string, patienceMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        repository,
        begin: () => {
          clearTimeout(late);
          this.#waiting.delete(waiter);
          this.#begin(repository);
          resolve();
        },
      };
      const giveUp = () => {
        this.#waiting.delete(waiter);
        reject(new ServerBusy(this.#options.busy));
      };
      const late = Number.isFinite(patienceMs) ? setTimeout(giveUp, patienceMs) : undefined;
      this.#waiting.add(waiter);
    });
  }
}
