import type { LoginFacts, Slurm } from '../slurm/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { Health } from './health.ts';

/** A cluster whose Slurm doesn't answer is asked again after this long, as long as the connection holds. */
const PROBE_RETRY_MS = 15_000;
/** So soon a question that Slurm refused is tried again. */
const QUESTIONS_RETRY_MS = 15_000;

export interface LoginProbeOptions {
  readonly clusterName: string;
  readonly slurm: Pick<Slurm, 'login' | 'accounting' | 'inventory' | 'submission'>;
  /** Is told whether the login can be used, and which questions are refused there. */
  readonly health: Health;
  readonly log: Logger;
  /** Whether there is a connection to ask over. */
  isOnline(): boolean;
  /** The login can be used. */
  onFound(facts: LoginFacts): void;
  /** It can't, for now. */
  onFault(fault: string): void;
  /** The refused questions are others than before. */
  onChange(): void;
}

/**
 * Finds out at each connect what the login is, and tries there what will be asked when a job has gone, or when somebody
 * looks: a refusal is told now and not then.
 */
export class LoginProbe {
  readonly #options: LoginProbeOptions;
  #facts: LoginFacts | null = null;
  #probing: Promise<void> | null = null;
  #probeTimer: NodeJS.Timeout | undefined;
  #trying: Promise<void> | null = null;
  #questionsTimer: NodeJS.Timeout | undefined;
  #isInventoryTried = false;

  constructor(options: LoginProbeOptions) {
    this.#options = options;
  }

  /** Null: it isn't known, or can't be used. */
  get facts(): LoginFacts | null {
    return this.#facts;
  }

  /** Looks now. */
  look(): void {
    clearTimeout(this.#probeTimer);
    this.#probing ??= this.#askLogin().finally(() => {
      this.#probing = null;
      if (this.#facts === null && this.#options.isOnline()) {
        this.#probeTimer = setTimeout(() => this.look(), PROBE_RETRY_MS);
      }
    });
  }

  /** The connection is lost. */
  disconnected(): void {
    this.#facts = null;
    this.#isInventoryTried = false;
    this.#stopTimers();
  }

  /** Resolves once nothing is under way. To be called when `isOnline` says no for good. */
  async stopped(): Promise<void> {
    this.#stopTimers();
    await Promise.all([this.#probing, this.#trying]);
  }

  #stopTimers(): void {
    clearTimeout(this.#probeTimer);
    clearTimeout(this.#questionsTimer);
  }

  /** Never throws. */
  async #askLogin(): Promise<void> {
    const { clusterName, slurm, health, log, isOnline, onFound, onFault } = this.#options;
    try {
      const facts = await slurm.login.probe();
      if (!isOnline()) return;
      this.#facts = facts;
      health.report({ login: null });
      onFound(facts);
      this.#tryQuestions();
    } catch (cause) {
      const fault = cause instanceof Error ? cause.message : String(cause);
      health.report({ login: fault });
      log.warn({ err: cause }, `${clusterName}: Slurm can't be used on this login`);
      onFault(fault);
    }
  }

  #tryQuestions(): void {
    clearTimeout(this.#questionsTimer);
    this.#trying ??= this.#askQuestions().finally(() => {
      this.#trying = null;
    });
  }

  /** Never throws. */
  async #askQuestions(): Promise<void> {
    const { clusterName, slurm, health, log, isOnline, onChange } = this.#options;
    try {
      const accountingQuestion = this.#facts?.accountingStorage == null ? null : await slurm.accounting.tryOut();
      // What works costs the controller too much to be asked again and again, for as long as slurmdbd is away.
      let { inventory } = health.faults;
      if (inventory !== null || !this.#isInventoryTried) inventory = await slurm.inventory.tryOut();
      this.#isInventoryTried = true;
      const submissionOptions = await slurm.submission.tryOptions();
      if (!isOnline()) return;
      if (health.report({ accountingQuestion, inventory, submissionOptions })) onChange();
      if ([accountingQuestion, inventory, submissionOptions].every((fault) => fault === null)) return;
      const refused = { accounting: accountingQuestion, inventory, options: submissionOptions };
      log.warn(refused, `${clusterName}: Slurm refuses what is asked of it`);
    } catch (cause) {
      // The connection's own state, or the next question, tells what is wrong.
      log.warn({ err: cause }, `${clusterName}: not all questions to Slurm could be tried`);
    }
    if (isOnline()) this.#questionsTimer = setTimeout(() => this.#tryQuestions(), QUESTIONS_RETRY_MS);
  }
}
