import { cancelScript, controlScript } from '../commands/control.ts';
import { SlurmUnavailable } from '../errors.ts';
import { jobLists } from '../job-list.ts';
import { parseControl } from '../parse/control.ts';
import { slurmMessage } from '../parse/messages.ts';
import { isLostAnswer } from '../parse/submit.ts';
import type { JobControl, SlurmControl } from '../slurm.ts';
import type { Session } from './session.ts';

export class ScontrolControl implements SlurmControl {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async cancel(slurmJobIds: readonly string[]): Promise<void> {
    await this.#session.query(cancelScript(this.#session.searchPath, slurmJobIds), ['cancel'], 'cancel');
  }

  async change(action: JobControl, groups: readonly (readonly string[])[]): Promise<readonly (string | null)[]> {
    const listsOf = groups.map(jobLists);
    const ask = controlScript(this.#session.searchPath, action, listsOf.flat());
    const { stdout } = await this.#session.run(ask, action);
    let index = 0;
    return listsOf.map((lists) => {
      const refusals = lists.map(() => {
        const section = ask.read(stdout, `control-${index}`);
        index += 1;
        if (section === null) throw new SlurmUnavailable(`the answer of scontrol ${action} was cut off`);
        if (isLostAnswer(section.output)) throw new SlurmUnavailable(slurmMessage(section.output));
        return parseControl(section.exitCode, section.output);
      });
      return refusals.includes(null) ? null : (refusals[0] ?? null);
    });
  }
}
