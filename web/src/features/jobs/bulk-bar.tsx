import { A } from '@solidjs/router';
import Archive from 'lucide-solid/icons/archive';
import ArchiveRestore from 'lucide-solid/icons/archive-restore';
import CircleCheck from 'lucide-solid/icons/circle-check';
import CircleX from 'lucide-solid/icons/circle-x';
import X from 'lucide-solid/icons/x';
import { createMemo, createSignal, For, type JSX, Show, untrack } from 'solid-js';
import type { JobAction } from '../../graphql/graphql.ts';
import type { JobRow } from '../../graphql/job-row.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { ConfirmDialog, Dialog } from '../../ui/dialog.tsx';
import { type BulkAction, createBulk, type JobOutcome } from './bulk.ts';
import { MOST_SELECTED, type Selection } from './selection.ts';

/** So many names are said before the rest is a number. */
const MOST_NAMES = 5;
/** As many as the server compares. */
const MOST_COMPARED = 20;

interface BulkBarProps {
  readonly selection: Selection;
  readonly isArchive: boolean;
  jobOf(id: string): JobRow | undefined;
}

/** What can be done with the selected jobs, all at once; stands over the page's lower edge while there are any. */
export function BulkBar(props: BulkBarProps): JSX.Element {
  const bulk = createBulk(
    untrack(() => props.selection),
    (id) => props.jobOf(id),
  );
  const [isAsking, setIsAsking] = createSignal(false);
  const count = (): number => props.selection.ids().length;
  const jobs = createMemo<readonly JobRow[]>(() => props.selection.ids().flatMap((id) => props.jobOf(id) ?? []));
  const fitsAny = (action: JobAction): boolean => jobs().some(({ actions }) => actions.includes(action));
  useShortcuts([{ key: 'c', label: 'Cancel the selected jobs', run: () => setIsAsking(fitsAny('CANCEL')) }]);

  return (
    <>
      <div class="sr-only" role="status">
        {count() === 0 ? '' : countOf(count())} {count() === 0 ? '' : 'selected'}
      </div>
      <Show when={count() > 0}>
        <section
          aria-label="Selected jobs"
          data-bottom-bar
          class="card fixed inset-x-2 bottom-2 z-30 mx-auto flex max-w-2xl flex-wrap items-center gap-2 border-line-strong p-2 shadow-xl sm:bottom-4"
        >
          <span class="px-1 font-medium">
            {count().toLocaleString()} selected
            <Show when={count() === MOST_SELECTED}>
              <span class="font-normal text-muted">, the most at once</span>
            </Show>
          </span>
          <button
            type="button"
            class="button button-quiet ml-auto sm:order-last sm:ml-0"
            aria-label="Select none"
            title="Select none"
            onClick={() => props.selection.keep([])}
          >
            <X size={15} aria-hidden="true" />
          </button>
          <div class="flex gap-2 max-sm:w-full max-sm:*:flex-1 max-sm:*:px-1 sm:ml-auto">
            <button
              type="button"
              class="button button-danger"
              disabled={!fitsAny('CANCEL')}
              onClick={() => setIsAsking(true)}
            >
              Cancel
            </button>
            <Show when={count() >= 2 && count() <= MOST_COMPARED}>
              <A class="button" href={`/compare?${new URLSearchParams(props.selection.ids().map((id) => ['id', id]))}`}>
                Compare
              </A>
            </Show>
            <ActionButton bulk={bulk} action="hold" isUseful={fitsAny('HOLD')} />
            <ActionButton bulk={bulk} action="release" isUseful={fitsAny('RELEASE')} />
            <Show
              when={props.isArchive}
              fallback={
                <ActionButton bulk={bulk} action="archive" isUseful={fitsAny('ARCHIVE')} icon={<Archive size={14} />} />
              }
            >
              <ActionButton
                bulk={bulk}
                action="unarchive"
                isUseful={fitsAny('UNARCHIVE')}
                icon={<ArchiveRestore size={14} />}
              />
            </Show>
          </div>
        </section>
      </Show>
      <ConfirmDialog
        isOpen={isAsking()}
        title={`Cancel ${countOf(count())}?`}
        confirmLabel={`Cancel ${countOf(count())}`}
        isBusy={bulk.isRunning()}
        onConfirm={() => void bulk.run('cancel').then(() => setIsAsking(false))}
        onClose={() => setIsAsking(false)}
      >
        <p class="wrap-anywhere">{namesOf(jobs())}</p>
        <p class="mt-2">Slurm ends their processes. Their output so far is kept.</p>
      </ConfirmDialog>
      <OutcomeDialog
        title={bulk.outcome()?.title ?? ''}
        outcomes={bulk.outcome()?.jobs ?? []}
        onClose={() => bulk.dismiss()}
      />
    </>
  );
}

interface ActionButtonProps {
  readonly bulk: ReturnType<typeof createBulk>;
  readonly action: BulkAction;
  /** It fits some selected job. */
  readonly isUseful: boolean;
  readonly icon?: JSX.Element;
}

function ActionButton(props: ActionButtonProps): JSX.Element {
  return (
    <button type="button" class="button" disabled={!props.isUseful} onClick={() => void props.bulk.run(props.action)}>
      <span class="contents max-sm:hidden" aria-hidden="true">
        {props.icon}
      </span>
      {props.bulk.labelOf(props.action)}
    </button>
  );
}

/** What became of each job, those that were refused first. */
function OutcomeDialog(props: {
  readonly title: string;
  readonly outcomes: readonly JobOutcome[];
  onClose(): void;
}): JSX.Element {
  const done = (): readonly JobOutcome[] => props.outcomes.filter(({ refusal }) => refusal === null);
  const refused = (): readonly JobOutcome[] => props.outcomes.filter(({ refusal }) => refusal !== null);
  return (
    <Dialog isOpen={props.outcomes.length > 0} title={props.title} onClose={() => props.onClose()}>
      <ul class="max-h-[60dvh] space-y-3 overflow-y-auto">
        <For each={refused()}>
          {(job) => (
            <li class="tone-bad flex gap-2">
              <CircleX size={15} class="mt-0.5 shrink-0 text-tone" aria-hidden="true" />
              <div class="min-w-0 wrap-anywhere">
                <A href={`/jobs/${encodeURIComponent(job.id)}`} class="link font-medium">
                  {job.name}
                </A>
                <p>{job.refusal}</p>
              </div>
            </li>
          )}
        </For>
        <Show when={done().length > 0}>
          <li class="tone-good flex gap-2">
            <CircleCheck size={15} class="mt-0.5 shrink-0 text-tone" aria-hidden="true" />
            <div class="min-w-0 wrap-anywhere">
              <p class="font-medium">Accepted for {countOf(done().length)}</p>
              <p class="text-muted">
                {done()
                  .map(({ name }) => name)
                  .join(', ')}
              </p>
            </div>
          </li>
        </Show>
      </ul>
      <div class="mt-5 flex justify-end">
        <button type="button" class="button" onClick={() => props.onClose()}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function countOf(count: number): string {
  return count === 1 ? '1 job' : `${count.toLocaleString()} jobs`;
}

function namesOf(jobs: readonly JobRow[]): string {
  const names = jobs.slice(0, MOST_NAMES).map(({ name }) => name);
  const rest = jobs.length - names.length;
  return rest === 0 ? names.join(', ') : `${names.join(', ')} and ${rest.toLocaleString()} more`;
}
