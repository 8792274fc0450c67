/** How often the controllers are looked for while Slurm doesn't answer: its return is noticed within this and a moment. */
const LOOK_MS = 6000;
/** Signs that change nothing about what `scontrol ping` says, as jobs that begin and end on their nodes, count so often. */
const NUDGE_MS = 30_000;

export interface PulseOptions {
  /** What `scontrol ping` says; see SlurmLogin. */
  readonly ping: () => Promise<string>;
  /** Slurm seems to be back: whatever waits for it may be tried again. */
  readonly onSign: () => void;
}

/**
 * Looks for Slurm while it doesn't answer, so that whoever waits for it can be patient and is still soon told. A look is
 * one `scontrol ping` on the login, and for a controller that is down one connection which it refuses: 10 a minute, one
 * at a time. One that answers pings and no questions is asked less and less often.
 */
export class Pulse {
  readonly #options: PulseOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | null = null;
  #isBeating = false;
  /** What was said last, and in how many looks in a row. */
  #said = '';
  #times = 0;
  #isNudged = false;
  #nudgedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** Slurm gave no answer. May be called again and again. */
  start(): void {
    if (this.#isBeating) return;
    this.#isBeating = true;
    this.#said = '';
    this.#times = 0;
    this.#look();
  }

  /** Slurm has answered, or can't be asked at all. */
  stop(): void {
    this.#isBeating = false;
    this.#isNudged = false;
    clearTimeout(this.#timer);
  }

  /** Something on the cluster moves: if Slurm can be reached, that is worth a question. */
  nudge(): void {
    if (!this.#isBeating || performance.now() - this.#nudgedAt < NUDGE_MS) return;
    this.#nudgedAt = performance.now();
    this.#isNudged = true;
    this.#look();
  }

  /** Resolves once no look is under way. */
  async stopped(): Promise<void> {
    this.stop();
    await this.#looking;
  }

  #look(): void {
    clearTimeout(this.#timer);
    this.#looking ??= this.#ask().finally(() => {
      this.#looking = null;
      if (this.#isBeating) this.#timer = setTimeout(() => this.#look(), LOOK_MS);
    });
  }

  /** Never throws. */
  async #ask(): Promise<void> {
    // A login that can't run it says as little as a controller that is away.
    const said = await this.#options.ping().catch(() => '');
    if (!this.#isBeating) return;
    this.#times = said === this.#said ? this.#times + 1 : 1;
    this.#said = said;
    // Of several controllers, one that stands by is UP while no question is answered: that is tried at the first such
    // look, the second, the fourth, the eighth …
    if (!/\bis UP\b/.test(said) || !(isPowerOfTwo(this.#times) || this.#isNudged)) return;
    this.#isNudged = false;
    this.#options.onSign();
  }
}

function isPowerOfTwo(count: number): boolean {
  return Number.isInteger(Math.log2(count));
}
