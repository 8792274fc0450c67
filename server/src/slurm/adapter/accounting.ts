import { SshOutputTooLarge } from '../../ssh/index.ts';
import { ACCOUNTING_FIELDS_OF_RELEASES, accountingScript, accountingTrial } from '../commands/accounting.ts';
import { UnreadableAnswer } from '../errors.ts';
import { numberOf } from '../parse/account-rows.ts';
import { type Accounts, accountingBudget, type JobAccount, readAccounting } from '../parse/accounting.ts';
import { accountingForm, endsInAccount } from '../parse/ends.ts';
import type { Budget } from '../parse/limits.ts';
import { slurmMessage } from '../parse/messages.ts';
import { isLostAnswer } from '../parse/submit.ts';
import { inTurns } from '../parse/turns.ts';
import { newNonce } from '../shell.ts';
import type { Accounting, SlurmAccounting } from '../slurm.ts';
import { halves, inCompanies } from '../together.ts';
import { refusesOption, type Session } from './session.ts';

/** More ids would make the command line too long. */
const JOBS_A_QUESTION = 200;
/** Enough to find the one job whose account is too large among those of a question. */
const MOST_TOO_LARGE = 10;

interface Refused {
  readonly refused: string;
}

export class SacctAccounting implements SlurmAccounting {
  readonly #session: Session;
  #fields: readonly string[] = ACCOUNTING_FIELDS_OF_RELEASES[0];
  /** The number with which the next reading begins, because the last one had no room left for it; null: any. */
  #next: string | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  async tryOut(): Promise<string | null> {
    const outcome = await this.#session.tryOut(accountingTrial(this.#session.searchPath));
    if ('fault' in outcome) return outcome.fault;
    this.#fields = ACCOUNTING_FIELDS_OF_RELEASES[outcome.way] ?? ACCOUNTING_FIELDS_OF_RELEASES[0];
    return null;
  }

  async read(slurmJobIds: readonly string[]): Promise<Accounting> {
    if (this.#session.facts.keepsAccounts === false) return { kind: 'none' };
    const accounts: JobAccount[] = [];
    const unread = new Set<string>();
    const budget = accountingBudget();
    let fault: string | null = null;
    let next: string | null = null;
    let tooLarge = 0;
    const batches = inCompanies(this.#inTurn(slurmJobIds), JOBS_A_QUESTION).reverse();
    while (batches.length > 0 && tooLarge < MOST_TOO_LARGE) {
      const batch = batches.pop() ?? [];
      try {
        const read = await this.#accountsOf(batch, budget);
        if ('refused' in read) {
          if (/accounting storage is disabled/i.test(read.refused)) return { kind: 'none' };
          return { kind: 'unreadable', message: read.refused };
        }
        for (const account of read.accounts) accounts.push(account);
        for (const number of read.unread) unread.add(number);
      } catch (cause) {
        if (!(cause instanceof UnreadableAnswer || cause instanceof SshOutputTooLarge)) throw cause;
        fault ??= cause.message;
        tooLarge += 1;
        if (batch.length > 1) {
          batches.push(...halves(batch).toReversed());
          continue;
        }
        for (const number of batch) unread.add(number);
        // One that is too large by itself is not worth another look.
        if (accounts.length > 0) next ??= batch[0] ?? null;
      }
    }
    const left = batches.toReversed().flat();
    for (const number of left) unread.add(number);
    this.#next = next ?? left[0] ?? null;
    return { kind: 'read', accounts, unread, fault, hasExactCodes: this.#session.facts.hasExactCodes };
  }

  /** The numbers to ask for. An array is asked for as a whole: sacct doesn't find a task that never started by its id. */
  #inTurn(slurmJobIds: readonly string[]): readonly string[] {
    const numbers = [...new Set(slurmJobIds.map(numberOf))];
    const first = Math.max(0, numbers.indexOf(this.#next ?? ''));
    return [...numbers.slice(first), ...numbers.slice(0, first)];
  }

  /** Throws UnreadableAnswer and SshOutputTooLarge for an answer with too much in it. */
  async #accountsOf(batch: readonly string[], budget: Budget): Promise<Accounts | Refused> {
    const answer = await this.#ask(batch, budget);
    // A release before 21.08, before its queries were tried.
    const isRetried = 'refused' in answer && refusesOption(answer.refused) && (await this.tryOut()) === null;
    return isRetried ? this.#ask(batch, budget) : answer;
  }

  #ask(slurmNumbers: readonly string[], budget: Budget): Promise<Accounts | Refused> {
    const { clock, facts, searchPath } = this.#session;
    const { hasExactCodes, tracksGpus } = facts;
    const form = accountingForm(newNonce(), this.#fields);
    const ask = accountingScript(searchPath, slurmNumbers, form);
    return this.#session.runLong<Accounts | Refused>(ask, 'accounting', ({ stdout, stderr }) => {
      const section = ask.read(stdout, 'accounting');
      const errors = ask.errors(stderr);
      if (section?.exitCode !== 0 || isLostAnswer(errors)) {
        return { refused: slurmMessage(errors) || 'sacct gave no whole answer' };
      }
      const rows = section.output;
      if (endsInAccount(rows, form)) return { refused: 'the answer of sacct ends in the middle of a row' };
      const question = { numbers: new Set(slurmNumbers), form, clock, hasExactCodes, tracksGpus };
      return inTurns(budget.allOrNothing(readAccounting(rows, question, budget)));
    });
  }
}
