import type { LoginFacts, Slurm } from '../slurm/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { Health } from './health.ts';

/** A login whose Slurm doesn't answer is probed again after this time, while the connection lasts. */
const PROBE_RETRY_MS = 15_000;
/** A query that Slurm refused is tried again after this time. */
const QUESTIONS_RETRY_MS = 15_000;

export interface LoginProbeOptions {
  readonly clusterName: string;
  readonly slurm: Pick<Slurm, 'login' | 'accounting' | 'inventory' | 'submission'>;
  /** Receives whether the login can be used, and which queries are refused. */
  readonly health: Health;
  readonly log: Logger;
  /** Whether there is a connection. */
  isOnline(): boolean;
  /** The login can be used. */
  onFound(facts: LoginFacts): void;
  /** The login can't be used for now. */
  onFault(fault: string): void;
  /** The set of refused queries has changed. */
  onChange(): void;
}

/**
 * Probes the login at each connect, and tries the queries that are needed only later, so that a refusal is reported at
 * once.
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

  /** Null: not known, or the login can't be used. */
  get facts(): LoginFacts | null {
    return this.#facts;
  }

  /** Probes now. */
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

  /** Resolves once nothing is in progress. Call it when `isOnline` stays false. */
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
      // Queries that work are not repeated while slurmdbd is down: they would load the controller.
      let { inventory } = health.faults;
      if (inventory !== null || !this.#isInventoryTried) inventory = await slurm.inventory.tryOut();
      this.#isInventoryTried = true;
      const submissionOptions = await slurm.submission.tryOptions();
      if (!isOnline()) return;
      if (health.report({ accountingQuestion, inventory, submissionOptions })) onChange();
      if ([accountingQuestion, inventory, submissionOptions].every((fault) => fault === null)) return;
      const refused = { accounting: accountingQuestion, inventory, options: submissionOptions };
      log.warn(refused, `${clusterName}: Slurm refuses a query`);
    } catch (cause) {
      // The connection's state, or the next query, says what is wrong.
      log.warn({ err: cause }, `${clusterName}: not all queries could be tried`);
    }
    if (isOnline()) this.#questionsTimer = setTimeout(() => this.#tryQuestions(), QUESTIONS_RETRY_MS);
  }
}
