import { type Accessor, createSignal } from 'solid-js';
import { createAction } from '../../graphql/action.ts';
import type { JobRow } from '../../graphql/job-row.ts';
import { showToast } from '../../lib/toasts.ts';
import {
  archiveJobsMutation,
  cancelJobsMutation,
  holdJobsMutation,
  releaseJobsMutation,
  unarchiveJobsMutation,
} from './operations.ts';
import type { Selection } from './selection.ts';

const LABELS = {
  cancel: 'Cancel',
  hold: 'Hold',
  release: 'Release',
  archive: 'Archive',
  unarchive: 'Unarchive',
} as const;
export type BulkAction = keyof typeof LABELS;

export interface JobOutcome {
  readonly id: string;
  readonly name: string;
  /** Null: the request was accepted. */
  readonly refusal: string | null;
}

export interface Bulk {
  readonly isRunning: Accessor<boolean>;
  /** What became of each job of the last request, where some were refused; null: nothing to tell. */
  readonly outcome: Accessor<{ readonly title: string; readonly jobs: readonly JobOutcome[] } | null>;
  labelOf(action: BulkAction): string;
  /** Sends one request for all selected jobs. Those that were refused stay selected. */
  run(action: BulkAction): Promise<void>;
  dismiss(): void;
}

/** Writes of many jobs at once. */
export function createBulk(selection: Selection, jobOf: (id: string) => JobRow | undefined): Bulk {
  const runs = {
    cancel: createAction(cancelJobsMutation),
    hold: createAction(holdJobsMutation),
    release: createAction(releaseJobsMutation),
    archive: createAction(archiveJobsMutation),
    unarchive: createAction(unarchiveJobsMutation),
  } as const satisfies Record<BulkAction, unknown>;
  const [outcome, setOutcome] = createSignal<ReturnType<Bulk['outcome']>>(null);

  const isRunning = (): boolean => Object.values(runs).some(([, isOneRunning]) => isOneRunning());

  async function run(action: BulkAction): Promise<void> {
    if (isRunning()) return;
    const label = LABELS[action];
    const ids = selection.ids();
    // An archived job is gone from the list by the time its outcome comes.
    const names = ids.map((id) => jobOf(id)?.name ?? id);
    const results = (await runs[action][0]({ ids: [...ids] }))?.outcome.results;
    if (results === undefined) return;
    const jobs = ids.map((id, index) => ({ id, name: names[index] ?? id, refusal: refusalOf(results, index) }));
    const refused = jobs.filter(({ refusal }) => refusal !== null);
    selection.keep(refused.map(({ id }) => id));
    if (refused.length > 0) {
      setOutcome({
        title: `${label}: ${refused.length.toLocaleString()} of ${jobs.length.toLocaleString()} refused`,
        jobs,
      });
    } else {
      showToast(
        'info',
        `${label}: accepted for ${jobs.length === 1 ? names[0] : `${jobs.length.toLocaleString()} jobs`}`,
      );
    }
  }

  return {
    isRunning,
    outcome,
    labelOf: (action) => LABELS[action],
    run,
    dismiss: () => setOutcome(null),
  };
}

/** A request that was refused as a whole has one result, which counts for all. */
function refusalOf(
  results: readonly { readonly userErrors: readonly { readonly message: string }[] }[],
  index: number,
): string | null {
  const errors = (results[index] ?? results[0])?.userErrors ?? [];
  return errors.length === 0 ? null : errors.map(({ message }) => message).join(' ');
}
