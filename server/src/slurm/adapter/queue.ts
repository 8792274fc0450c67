import pLimit from 'p-limit';
import { ArrayView, mayLackTask, withLackingTasks } from '../array-view.ts';
import { ARRAY_OPTIONS, type ArrayOption, queueScript, queueTrial } from '../commands/queue.ts';
import { SlurmUnavailable } from '../errors.ts';
import type { OwnJobs } from '../own-jobs.ts';
import { queueEnds } from '../parse/ends.ts';
import { isCutOff, QueueReader } from '../parse/queue.ts';
import type { QueueSnapshot } from '../parse/queue-answer.ts';
import { inTurns } from '../parse/turns.ts';
import { timeValue } from '../parse/values.ts';
import { newNonce } from '../shell.ts';
import type { SlurmQueue } from '../slurm.ts';
import { refusesOption, type Session } from './session.ts';

export class SqueueQueue implements SlurmQueue {
  readonly #session: Session;
  readonly #reader: QueueReader;
  readonly #arrayView = new ArrayView();
  #arrays: ArrayOption = ARRAY_OPTIONS[0];
  readonly #turn = pLimit(1);
  /** The look that has yet to begin. */
  #next: Promise<QueueSnapshot> | null = null;

  constructor(session: Session, jobs: OwnJobs | null) {
    this.#session = session;
    this.#reader = new QueueReader(jobs);
  }

  /** Finds out which options of squeue work here: they differ between Slurm's releases. */
  async tryOut(): Promise<void> {
    const { searchPath, showsFederation } = this.#session.facts;
    const outcome = await this.#session.tryOut(queueTrial(searchPath, showsFederation));
    if ('fault' in outcome)
      throw new SlurmUnavailable(`Slurm's queue can't be queried on this login: ${outcome.fault}`);
    this.#arrays = ARRAY_OPTIONS[outcome.way] ?? ARRAY_OPTIONS[0];
  }

  /**
   * The queue as it is after this call. All who ask before a look begins share it, and one at a time goes on: however many
   * ask, one queue is read and held. Who asks during a look gets the next one, since that look may lack a job of before.
   */
  snapshot(): Promise<QueueSnapshot> {
    this.#next ??= this.#turn(() => {
      this.#next = null;
      return this.#snapshot();
    });
    return this.#next;
  }

  async #snapshot(): Promise<QueueSnapshot> {
    try {
      return await this.#look();
    } catch (cause) {
      // Slurm on the login may have been replaced since it was tried.
      if (!(cause instanceof SlurmUnavailable && refusesOption(cause.message))) throw cause;
      await this.tryOut();
      return this.#look();
    }
  }

  async #look(): Promise<QueueSnapshot> {
    // squeue can separate tasks cheaply by itself.
    if (this.#arrays === '--array-unique') return this.#ask(this.#arrays);
    if (!this.#arrayView.isApart) {
      const together = await this.#ask(null);
      if (await inTurns(this.#arrayView.sawTogether(together))) return together;
    }
    const apart = await this.#ask(this.#arrays);
    await inTurns(this.#arrayView.sawApart(apart));
    if (!(await inTurns(mayLackTask(apart)))) return apart;
    return inTurns(withLackingTasks(apart, await this.#ask(null)));
  }

  async #ask(arrays: ArrayOption | null): Promise<QueueSnapshot> {
    const { clock, facts } = this.#session;
    const askedAt = Date.now();
    const ends = queueEnds(newNonce());
    const ask = queueScript(facts.searchPath, facts.showsFederation, arrays, ends);
    return this.#session.queryLong(ask, ['clock', 'queue'], 'queue', ([time = '', rows = '']) => {
      clock.compare(timeValue(time.trim())?.getTime() ?? null, askedAt);
      if (isCutOff(rows, ends)) throw new SlurmUnavailable('the answer of squeue ends in the middle of a row');
      return this.#reader.read(rows, ends, clock, this.#session.facts.tracksGpus);
    });
  }
}
