/** So many followers of one connection, and of each cluster's logs, may hold what was read and hasn't been sent. */
export const SEATS = 4;

interface Row {
  taken: number;
  /** Whose turn is next comes first. */
  readonly waiting: Set<() => void>;
}

/** What is read for the followers of one connection: were each to read at once, many logs would cost a lot. */
export class Seats {
  readonly #rows = new Map<string, Row>();

  /**
   * Resolves to a seat, to be given back, or to nothing once the signal is aborted. `cluster`: one that hangs keeps nobody
   * from reading another.
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
