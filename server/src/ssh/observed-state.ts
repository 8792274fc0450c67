import type { ConnectionState } from './connection-state.ts';

/** The state of a connection, and the listeners of its changes. */
export class ObservedState {
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  readonly #onListenerFault: (error: unknown) => void;
  #current: ConnectionState = { status: 'idle' };

  /** `onListenerFault`: called when a listener throws; the others are still called. */
  constructor(onListenerFault: (error: unknown) => void) {
    this.#onListenerFault = onListenerFault;
  }

  get current(): ConnectionState {
    return this.#current;
  }

  set(state: ConnectionState): void {
    if (state.status === this.#current.status && !('message' in state)) return;
    this.#current = state;
    for (const listener of this.#listeners) {
      try {
        listener(state);
      } catch (error) {
        this.#onListenerFault(error);
      }
    }
  }

  /** Calls `listener` after every change, until the function that it returns is called. */
  onChange(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves at the next change, or after so much time. */
  nextChange(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        unsubscribe();
        resolve();
      };
      const timer = setTimeout(finish, timeoutMs);
      const unsubscribe = this.onChange(finish);
    });
  }
}
