import { WakeUp } from '../events/index.ts';

/** The last change of one cluster. Numbers grow. */
export interface ClusterChange {
  readonly name: string;
  readonly number: number;
}

/** Which clusters have changed since when. Of each one only the last change is kept: who looks sees it as it is now. */
export class ClusterChanges {
  readonly #news = new WakeUp();
  /** By name, the one that changed last at the end. */
  readonly #last = new Map<string, number>();
  #newest = 0;

  /** The number of the last change; 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** Something about a cluster may have changed; null: about the clusters as a whole. */
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
