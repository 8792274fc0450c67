/** How long the current turn of the event loop has lasted, since this was first asked in it. */
export class TurnClock {
  #began: number | null = null;

  elapsedMs(): number {
    const now = performance.now();
    if (this.#began !== null) return now - this.#began;
    this.#began = now;
    setImmediate(() => {
      this.#began = null;
    });
    return 0;
  }
}
