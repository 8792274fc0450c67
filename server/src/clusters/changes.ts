import { WakeUp } from '../events/index.ts';

/** The last change of one cluster. Numbers grow. */
export interface ClusterChange {
  readonly name: string;
  readonly number: number;
}

/** The last change of each cluster, and who has changed since a given one. Readers see a cluster as it is now. */
export class ClusterChanges {
  readonly #news = new WakeUp();
  /** By name; the cluster that changed last is at the end. */
  readonly #last = new Map<string, number>();
  #newest = 0;

  /** The number of the last change; 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** Records that something about a cluster may have changed; null: about the set of clusters. */
  note(name: string | null): void {
    this.#newest += 1;
    if (name !== null) {
      this.#last.delete(name);
      this.#last.set(name, this.#newest);
    }
    this.#news.notify();
  }

  /** In the order of their changes. */
  since(number: number): ClusterChange[] {
    return [...this.#last]
      .filter(([, changed]) => changed > number)
      .map(([name, changed]) => ({ name, number: changed }));
  }

  /** Resolves at the next change, or once the signal is aborted. */
  async next(signal: AbortSignal): Promise<void> {
    await this.#news.wait(signal);
  }
}
