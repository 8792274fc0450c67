import type { LucideProps } from 'lucide-solid';
import CircleCheck from 'lucide-solid/icons/circle-check';
import CircleMinus from 'lucide-solid/icons/circle-minus';
import CircleX from 'lucide-solid/icons/circle-x';
import TriangleAlert from 'lucide-solid/icons/triangle-alert';
import { type Component, createSignal, For, type JSX, Show } from 'solid-js';
import { createAction } from '../../graphql/action.ts';
import type { Tone } from '../../lib/job-state.ts';
import { Badge } from '../../ui/badge.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Notice } from '../../ui/notice.tsx';
import { type TestStep, testClusterMutation } from './operations.ts';
import { STEP_LABELS } from './words.ts';

const STATUSES = {
  OK: { label: 'OK', tone: 'good', icon: CircleCheck },
  WARNING: { label: 'Warning', tone: 'warning', icon: TriangleAlert },
  FAILED: { label: 'Failed', tone: 'bad', icon: CircleX },
  SKIPPED: { label: 'Skipped', tone: 'neutral', icon: CircleMinus },
} as const satisfies Record<TestStep['status'], { label: string; tone: Tone; icon: Component<LucideProps> }>;

/** Has the server go through everything that a cluster has to offer, and shows what it found. */
export function TestButton(props: { readonly cluster: string }): JSX.Element {
  const [test, isRunning] = createAction(testClusterMutation);
  const [isOpen, setIsOpen] = createSignal(false);
  const [steps, setSteps] = createSignal<readonly TestStep[]>([]);
  const [fault, setFault] = createSignal<string | null>(null);

  async function run(): Promise<void> {
    setIsOpen(true);
    if (isRunning()) return;
    setSteps([]);
    setFault(null);
    const answer = (await test({ name: props.cluster }))?.testCluster;
    setSteps(answer?.steps ?? []);
    const refusals = answer?.userErrors.map(({ message }) => message) ?? ['The test did not finish.'];
    setFault(refusals.join(' ') || null);
  }

  return (
    <>
      <button type="button" class="button" onClick={() => void run()}>
        Test
      </button>
      <Dialog isOpen={isOpen()} title={`Test of ${props.cluster}`} isWide onClose={() => setIsOpen(false)}>
        <div class="max-h-[70dvh] overflow-y-auto">
          <p class="mb-3 text-muted" role="status">
            {isRunning() ? 'Running every step; this takes a few seconds…' : verdictOf(steps())}
          </p>
          <Show when={fault()}>{(message) => <Notice tone="bad">{message()}</Notice>}</Show>
          <Show when={isRunning()} fallback={<StepList steps={steps()} />}>
            <StepSkeleton />
          </Show>
        </div>
        <div class="mt-5 flex justify-end gap-2">
          <button type="button" class="button" disabled={isRunning()} onClick={() => void run()}>
            Test again
          </button>
          <button type="button" class="button" onClick={() => setIsOpen(false)}>
            Close
          </button>
        </div>
      </Dialog>
    </>
  );
}

/** On a phone a step's text stands below its name and status. */
const ROW = 'grid gap-x-3 gap-y-1 py-2.5 sm:grid-cols-[7.5rem_6rem_minmax(0,1fr)_3rem]';

function StepList(props: { readonly steps: readonly TestStep[] }): JSX.Element {
  return (
    <ol class="divide-y divide-line">
      <For each={props.steps}>
        {(step) => (
          <li class={`${ROW} grid-cols-[minmax(0,1fr)_auto]`}>
            <span class="self-start pt-0.5 font-medium" classList={{ 'text-muted': step.status === 'SKIPPED' }}>
              {STEP_LABELS[step.name]}{' '}
              <span class="ml-1 text-xs font-normal text-muted sm:hidden">{secondsOf(step)}</span>
            </span>
            <span class="self-start max-sm:justify-self-end">
              <Badge
                tone={STATUSES[step.status].tone}
                icon={STATUSES[step.status].icon}
                label={STATUSES[step.status].label}
              />
            </span>
            <div class="min-w-0 pt-0.5 wrap-anywhere max-sm:col-span-2">
              <p classList={{ 'text-muted': step.status === 'SKIPPED' }}>{step.found}</p>
              <Show when={step.advice}>{(advice) => <p class="mt-1 font-medium">→ {advice()}</p>}</Show>
            </div>
            <span class="pt-0.5 text-right text-xs whitespace-nowrap text-muted max-sm:hidden">{secondsOf(step)}</span>
          </li>
        )}
      </For>
    </ol>
  );
}

function StepSkeleton(): JSX.Element {
  return (
    <ol class="divide-y divide-line" aria-hidden="true">
      <For each={Object.values(STEP_LABELS)}>
        {(name) => (
          <li class={`${ROW} grid-cols-[minmax(0,1fr)_auto]`}>
            <span class="text-muted">{name}</span>
            <span class="h-6 w-20 rounded-md bg-raised motion-safe:animate-pulse" />
            <span class="h-5 rounded bg-raised motion-safe:animate-pulse max-sm:col-span-2" />
          </li>
        )}
      </For>
    </ol>
  );
}

function secondsOf({ seconds }: TestStep): string {
  return seconds === null ? '' : `${seconds.toFixed(1)} s`;
}

function verdictOf(steps: readonly TestStep[]): string {
  if (steps.length === 0) return '';
  const count = (status: TestStep['status']): number => steps.filter((step) => step.status === status).length;
  if (count('FAILED') > 0) return "The cluster can't be used: see the failed steps.";
  return count('WARNING') > 0 ? 'The cluster can be used, with warnings.' : 'Everything works.';
}
