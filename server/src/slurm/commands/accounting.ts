import { quote } from '../../ssh/index.ts';
import { ACCOUNTING_FIELDS } from '../parse/account-rows.ts';
import { type AccountingForm, accountingForm } from '../parse/ends.ts';
import { newNonce, type Script, type SearchPath, script } from '../shell.ts';
import { CLEAN_QUERY } from './environment.ts';
import { type Trial, trial } from './trial.ts';

/** With the field that exists since 21.08, or without. */
export const ACCOUNTING_FIELDS_OF_RELEASES = [ACCOUNTING_FIELDS, ACCOUNTING_FIELDS.slice(0, -1)] as const;

/** Jobs that left Slurm's memory, from its database: section `accounting`. */
export function accountingScript(
  searchPath: SearchPath,
  slurmNumbers: readonly string[],
  form: AccountingForm,
): Script {
  return script(searchPath, CLEAN_QUERY, [{ name: 'accounting', command: accountingCommand(slurmNumbers, form) }]);
}

function accountingCommand(slurmNumbers: readonly string[], { fields, fieldEnd }: AccountingForm): string {
  return [
    'sacct --noheader --parsable --duplicates --allocations --noconvert',
    `--delimiter=${quote(fieldEnd)} --jobs=${quote(slurmNumbers.join(','))} --format=${fields.join(',')}`,
  ].join(' ');
}

/** The ways are those of ACCOUNTING_FIELDS_OF_RELEASES. */
export function accountingTrial(searchPath: SearchPath): Trial {
  // Any number will do: only whether there is an answer counts.
  const ways = ACCOUNTING_FIELDS_OF_RELEASES.map((fields) =>
    accountingCommand(['1'], accountingForm(newNonce(), fields)),
  );
  return trial(searchPath, 'sacct', ways);
}
