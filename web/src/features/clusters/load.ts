import { type Accessor, createSignal, onCleanup } from 'solid-js';
import { ask, useApi } from '../../graphql/api.ts';
import { describeError } from '../../graphql/errors.ts';
import { clusterLoadQuery, type LoadWindow } from './operations.ts';

/** The server counts by minutes. */
const REFRESH_MS = 60_000;

export interface LoadFigures {
  readonly count: number;
  /** Null: no time is kept of it. */
  readonly seconds: number | null;
}

export interface LoadRow {
  readonly label: string;
  /** What it is for; null: nothing to add. */
  readonly note: string | null;
  readonly hour: LoadFigures;
  readonly day: LoadFigures;
}

const KINDS: Readonly<Record<string, readonly [label: string, note: string]>> = {
  queue: ['Queue', 'squeue, how jobs stand'],
  accounting: ['Accounting', 'sacct, how jobs ended'],
  inventory: ['Inventory', 'scontrol show, partitions and nodes'],
  submit: ['Submissions', 'sbatch and what goes with it'],
  cancel: ['Cancellations', 'scancel'],
  hold: ['Holds', 'scontrol hold'],
  release: ['Releases', 'scontrol release'],
  requeue: ['Requeues', 'scontrol requeue'],
  probe: ['Probes', 'what the login offers, and tests'],
  markers: ['Markers', 'what jobs wrote at their end'],
  files: ['Files', 'over SFTP, which costs Slurm nothing'],
};

const NONE: LoadFigures = { count: 0, seconds: 0 };

/** A row for each kind of command that was sent on that day, the most frequent first. */
export function loadRows(hour: LoadWindow, day: LoadWindow): readonly LoadRow[] {
  const hourly = new Map(hour.commands.map((command) => [command.kind, command]));
  return day.commands.map(({ kind, count, seconds }) => {
    const [label, note] = KINDS[kind] ?? [kind, null];
    return { label, note, hour: hourly.get(kind) ?? NONE, day: { count, seconds } };
  });
}

export interface Load {
  readonly value: Accessor<{ readonly hour: LoadWindow; readonly day: LoadWindow } | null>;
  readonly fault: Accessor<string | null>;
}

/** The load of one cluster, asked for now and each minute until the owner is disposed of. */
export function createLoad(name: string): Load {
  const api = useApi();
  const [value, setValue] = createSignal<ReturnType<Load['value']>>(null);
  const [fault, setFault] = createSignal<string | null>(null);

  async function load(): Promise<void> {
    try {
      const { cluster } = await ask(api, clusterLoadQuery, { name });
      setValue(cluster?.load ?? null);
      setFault(cluster?.load == null ? `${name} is no longer in clusters.yaml.` : null);
    } catch (error) {
      setFault(describeError(error));
    }
  }

  void load();
  const timer = setInterval(() => void load(), REFRESH_MS);
  onCleanup(() => clearInterval(timer));
  return { value, fault };
}
