import { ACCOUNTING_FIELDS_OF_RELEASES, accountingScript, accountingTrial } from '../commands/accounting.ts';
import { type JobAccount, readAccounting } from '../parse/accounting.ts';
import { type AccountingForm, accountingForm, endsInAccount } from '../parse/ends.ts';
import { slurmMessage } from '../parse/messages.ts';
import { isLostAnswer } from '../parse/submit.ts';
import { inTurns } from '../parse/turns.ts';
import { newNonce } from '../shell.ts';
import type { Accounting, SlurmAccounting } from '../slurm.ts';
import { refusesOption, type Session } from './session.ts';

/** More ids would make the command line too long. */
const JOBS_A_QUESTION = 200;

export class SacctAccounting implements SlurmAccounting {
  readonly #session: Session;
  #fields: readonly string[] = ACCOUNTING_FIELDS_OF_RELEASES[0];

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
    // An array is queried as a whole: sacct doesn't find a task that never started by its own id.
    const numbers = [...new Set(slurmJobIds.map((slurmJobId) => slurmJobId.split('_')[0] ?? ''))];
    for (let start = 0; start < numbers.length; start += JOBS_A_QUESTION) {
      const batch = numbers.slice(start, start + JOBS_A_QUESTION);
      let answer = await this.#ask(batch);
      // A release before 21.08, before its queries were tried.
      if ('refused' in answer && refusesOption(answer.refused) && (await this.tryOut()) === null) {
        answer = await this.#ask(batch);
      }
      if ('refused' in answer) {
        if (/accounting storage is disabled/i.test(answer.refused)) return { kind: 'none' };
        return { kind: 'unreadable', message: answer.refused };
      }
      const { hasExactCodes, tracksGpus } = this.#session.facts;
      const read = await inTurns(
        readAccounting(answer.rows, answer.form, this.#session.clock, hasExactCodes, tracksGpus),
      );
      for (const account of read.accounts) accounts.push(account);
      for (const number of read.unread) unread.add(number);
    }
    return { kind: 'read', accounts, unread, hasExactCodes: this.#session.facts.hasExactCodes };
  }

  async #ask(
    slurmNumbers: readonly string[],
  ): Promise<{ readonly rows: string; readonly form: AccountingForm } | { readonly refused: string }> {
    const form = accountingForm(newNonce(), this.#fields);
    const ask = accountingScript(this.#session.searchPath, slurmNumbers, form);
    const { stdout, stderr } = await this.#session.runLong(ask, 'accounting');
    const section = ask.read(stdout, 'accounting');
    const errors = ask.errors(stderr);
    if (section?.exitCode !== 0 || isLostAnswer(errors)) {
      return { refused: slurmMessage(errors) || 'sacct gave no whole answer' };
    }
    if (!endsInAccount(section.output, form)) return { rows: section.output, form };
    return { refused: 'the answer of sacct ends in the middle of a row' };
  }
}
