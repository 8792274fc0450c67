import { boundedMessage } from '../errors.ts';

/** The stages of an attempt to connect, in order; each hop goes through the last three. */
export type DialStage = 'settings' | 'reach' | 'host-key' | 'login';

export interface DialStep {
  readonly stage: DialStage;
  /** `user@host:port`; null before the first hop. */
  readonly hop: string | null;
  /** What was found, for a person; null: nothing (yet). */
  readonly found: string | null;
  /** Why it failed, for a person. */
  readonly fault: string | null;
  /** Null while it is in progress. */
  readonly seconds: number | null;
}

/** Records the stages of one attempt to connect. */
export class DialReport {
  readonly #steps: DialStep[] = [];
  #current: { readonly stage: DialStage; readonly hop: string | null; readonly startedAt: number } | null = null;
  #found: string | null = null;

  /** In the order in which they were taken. */
  get steps(): readonly DialStep[] {
    return this.#current === null ? this.#steps : [...this.#steps, this.#step(this.#current, null, null)];
  }

  /** The current stage, or the one that failed; null: all succeeded, or none has begun. */
  get stage(): DialStage | null {
    const last = this.steps.at(-1);
    return last !== undefined && (this.#current !== null || last.fault !== null) ? last.stage : null;
  }

  /** Begins a stage; the one before succeeded. */
  enter(stage: DialStage, hop: string | null = null): void {
    this.#end(null);
    this.#current = { stage, hop, startedAt: performance.now() };
  }

  /** Records what the current stage found. */
  found(text: string): void {
    this.#found = boundedMessage(text);
  }

  succeed(): void {
    this.#end(null);
  }

  fail(message: string): void {
    this.#end(boundedMessage(message));
  }

  #end(fault: string | null): void {
    if (this.#current === null) return;
    this.#steps.push(this.#step(this.#current, fault, (performance.now() - this.#current.startedAt) / 1000));
    this.#current = null;
    this.#found = null;
  }

  #step(
    { stage, hop }: { stage: DialStage; hop: string | null },
    fault: string | null,
    seconds: number | null,
  ): DialStep {
    return { stage, hop, found: this.#found, fault, seconds };
  }
}
