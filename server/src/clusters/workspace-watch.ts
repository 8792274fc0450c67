import type { SlurmSubmission } from '../slurm/index.ts';

/** A faulty workspace is checked again after this time: somebody may have repaired it. */
const AGAIN_MS = 30_000;

export interface WorkspaceWatchOptions {
  readonly slurm: Pick<SlurmSubmission, 'workspaceFault'>;
  /** The fault has appeared, changed or gone. */
  readonly onChange: () => void;
  /** The check failed: each submission checks again. */
  readonly onFailure: (cause: unknown) => void;
}

/** Checks at each connect whether others could replace commands in the workspace, and again until that is repaired. */
export class WorkspaceWatch {
  readonly #options: WorkspaceWatchOptions;
  #workspace: string | null = null;
  #fault: string | null = null;
  #looking: Promise<void> | null = null;
  /** A check was requested during one, which may belong to a connection that is gone. */
  #isWanted = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WorkspaceWatchOptions) {
    this.#options = options;
  }

  /** Null: none, or not known yet. */
  get fault(): string | null {
    return this.#fault;
  }

  /** `workspace` is absolute. */
  start(workspace: string): void {
    this.#workspace = workspace;
    this.look();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#isWanted = false;
    this.#workspace = null;
    this.#fault = null;
  }

  async stopped(): Promise<void> {
    this.stop();
    await this.#looking;
  }

  /** Checks now. */
  look(): void {
    clearTimeout(this.#timer);
    this.#isWanted = this.#looking !== null;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
      if (this.#isWanted) this.look();
    });
  }

  /** Never throws. */
  async #look(): Promise<void> {
    const workspace = this.#workspace;
    if (workspace === null) return;
    const { slurm, onChange, onFailure } = this.#options;
    try {
      const fault = await slurm.workspaceFault(workspace);
      if (this.#workspace !== workspace) return;
      const isNews = fault !== this.#fault;
      this.#fault = fault;
      if (isNews) onChange();
    } catch (cause) {
      if (this.#workspace === workspace) onFailure(cause);
    }
    if (this.#fault !== null) this.#timer = setTimeout(() => this.look(), AGAIN_MS);
  }
}
