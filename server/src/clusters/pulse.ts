/** How often `scontrol ping` is sent while Slurm doesn't answer: its return is noticed within about this time. */
const LOOK_MS = 6000;
/** How often signs count that don't change the output of `scontrol ping`, such as jobs that begin and end. */
const NUDGE_MS = 30_000;

export interface PulseOptions {
  /** The output of `scontrol ping`; see SlurmLogin. */
  readonly ping: () => Promise<string>;
  /** Slurm seems to be back: whatever waits for it may be retried. */
  readonly onSign: () => void;
}

/**
 * Pings Slurm while it doesn't answer, so that queries can be rare and its return is still noticed soon. A ping is one
 * `scontrol ping` on the login, 10 a minute and one at a time; a controller that is down refuses one connection for it.
 * One that answers pings but no queries is queried less and less often.
 */
export class Pulse {
  readonly #options: PulseOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | null = null;
  #isBeating = false;
  /** The last output, and how often in a row it came. */
  #said = '';
  #times = 0;
  #isNudged = false;
  #nudgedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** Slurm gave no answer. May be called repeatedly. */
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

  /** Something on the cluster changes: if Slurm can be reached, it is worth a query. */
  nudge(): void {
    if (!this.#isBeating || performance.now() - this.#nudgedAt < NUDGE_MS) return;
    this.#nudgedAt = performance.now();
    this.#isNudged = true;
    this.#look();
  }

  /** Resolves once no ping is in progress. */
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
    // A login that can't run it tells no more than a controller that is down.
    const said = await this.#options.ping().catch(() => '');
    if (!this.#isBeating) return;
    this.#times = said === this.#said ? this.#times + 1 : 1;
    this.#said = said;
    // A backup controller may be UP while no query is answered: one is tried at the first such ping, the second, the
    // fourth, the eighth …
    if (!/\bis UP\b/.test(said) || !(isPowerOfTwo(this.#times) || this.#isNudged)) return;
    this.#isNudged = false;
    this.#options.onSign();
  }
}

function isPowerOfTwo(count: number): boolean {
  return Number.isInteger(Math.log2(count));
}
