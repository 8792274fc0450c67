import type { Inventory } from '../domain/inventory.ts';
import { type Slurm, UnreadableAnswer } from '../slurm/index.ts';
import type { Health } from './health.ts';
import { SharedAnswer } from './shared-answer.ts';

export interface SharedInventoryOptions {
  readonly slurm: Pick<Slurm, 'inventory'>;
  readonly health: Health;
  /** Slurm has answered. */
  onAnswered(): void;
  /** The cluster's health has changed. */
  onChange(): void;
}

/** A cluster's partitions and nodes. One that can't be read is a fault of the cluster until one can. */
export function sharedInventory({
  slurm,
  health,
  onAnswered,
  onChange,
}: SharedInventoryOptions): SharedAnswer<Inventory> {
  const report = (inventory: string | null) => {
    if (health.report({ inventory })) onChange();
  };
  return new SharedAnswer(async () => {
    try {
      const inventory = await slurm.inventory.read();
      onAnswered();
      report(null);
      return inventory;
    } catch (cause) {
      if (cause instanceof UnreadableAnswer) report(cause.message);
      throw cause;
    }
  });
}
