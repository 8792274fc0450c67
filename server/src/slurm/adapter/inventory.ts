import type { Inventory } from '../../domain/inventory.ts';
import { inventoryScript, inventoryTrialScript } from '../commands/inventory.ts';
import { readInventory } from '../parse/inventory.ts';
import { slurmMessage } from '../parse/messages.ts';
import { isLostAnswer } from '../parse/submit.ts';
import { inTurns } from '../parse/turns.ts';
import type { SlurmInventory } from '../slurm.ts';
import type { Session } from './session.ts';

const SECTIONS = ['partitions', 'nodes'];

export class ScontrolInventory implements SlurmInventory {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async read(): Promise<Inventory> {
    const ask = inventoryScript(this.#session.searchPath);
    return this.#session.queryLong(ask, SECTIONS, 'inventory', async ([partitions = '', nodes = '']) => {
      const fetchedAt = new Date();
      return { fetchedAt, ...(await inTurns(readInventory(partitions, nodes))) };
    });
  }

  async tryOut(): Promise<string | null> {
    const ask = inventoryTrialScript(this.#session.searchPath);
    const { stdout } = await this.#session.run(ask, 'probe');
    const faults = new Set(
      SECTIONS.flatMap((name) => {
        const section = ask.read(stdout, name);
        if (section === null || section.exitCode === 0 || isLostAnswer(section.output)) return [];
        return slurmMessage(section.output) || `it ended with code ${section.exitCode}`;
      }),
    );
    return faults.size === 0 ? null : `scontrol: ${[...faults].join('; ')}`;
  }
}
