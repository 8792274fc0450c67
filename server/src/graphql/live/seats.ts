/** How many followers of one connection, and of each cluster's logs, may hold data that was read and not sent yet. */
export const SEATS = 4;

interface Row {
  taken: number;
  /** In the order of their turns. */
  readonly waiting: Set<() => void>;
}

/** Limits concurrent reads for the followers of one connection, because many logs would take much memory. */
export class Seats {
  readonly #rows = new Map<string, Row>();

  /**
   * Resolves to a seat, which must be released, or to nothing once the signal is aborted. `cluster`: one that hangs
   * doesn't block reads from another.
   */
  async take(cluster: string, signal: AbortSignal): Promise<Disposable | null> {
    if (signal.aborted) return null;
    const row = this.#rows.get(cluster) ?? { taken: 0, waiting: new Set() };
    this.#rows.set(cluster, row);
    if (row.taken >= SEATS) {
      if (!(await turn(row, signal))) return null;
    } else row.taken += 1;
    let isTaken = true;
    return {
      [Symbol.dispose]: () => {
        if (!isTaken) return;
        isTaken = false;
        const [next] = row.waiting;
        if (next !== undefined) return next();
        row.taken -= 1;
        if (row.taken === 0) this.#rows.delete(cluster);
      },
    };
  }
}

/** False: the signal was aborted. */
function turn({ waiting }: Row, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const begin = () => {
      waiting.delete(begin);
      signal.removeEventListener('abort', leave);
      resolve(true);
    };
    const leave = () => {
      waiting.delete(begin);
      resolve(false);
    };
    waiting.add(begin);
    signal.addEventListener('abort', leave, { once: true });
  });
}
