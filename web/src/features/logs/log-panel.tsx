import ArrowDownToLine from 'lucide-solid/icons/arrow-down-to-line';
import Download from 'lucide-solid/icons/download';
import WrapText from 'lucide-solid/icons/text-wrap';
import { createEffect, createSignal, For, type JSX, Match, on, Show, Switch, untrack } from 'solid-js';
import { useApi } from '../../graphql/api.ts';
import { useClusters } from '../../graphql/clusters.ts';
import type { JobState, LogStream } from '../../graphql/graphql.ts';
import { sessionKey } from '../../graphql/session-key.ts';
import { isActiveState } from '../../lib/job-state.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { formatBytes } from '../../lib/size.ts';
import { Notice } from '../../ui/notice.tsx';
import { LogView } from './log-view.tsx';
import { createLog, type Log } from './state.ts';
import { describeFlaw, describeNothing } from './words.ts';

const STREAMS = ['STDOUT', 'STDERR'] as const satisfies readonly LogStream[];

export interface LogPanelProps {
  readonly jobId: string;
  readonly jobState: JobState;
  readonly clusterName: string;
  readonly stream: LogStream;
  /** Where the whole file of the stream is (`Job.logUrl`); null: there is none yet. */
  readonly fileUrl: string | null;
  onStream(stream: LogStream): void;
}

/** The log of one job, with its switches. It is made for one job: a new job needs a new panel. */
export default function LogPanel(props: LogPanelProps): JSX.Element {
  const clusters = useClusters();
  const [isWrapped, setIsWrapped] = createSignal(false);
  const [isFollowing, setIsFollowing] = createSignal(true);
  const log = createLog(
    useApi(),
    untrack(() => props.jobId),
    () => props.stream,
  );
  const isEmpty = (): boolean => {
    log.version();
    return log.buffer.endOffset === 0;
  };
  const nothing = (): string =>
    describeNothing({
      file: props.stream.toLowerCase(),
      jobState: props.jobState,
      cluster: props.clusterName,
      clusterStatus: clusters.get(props.clusterName)?.status,
      ending: log.ending(),
    });
  const flaw = (): string | null => {
    const ending = log.ending();
    return ending === null ? null : describeFlaw(ending);
  };
  createEffect(on([() => props.stream, log.reading], () => setIsFollowing(true)));
  // A job that was over and lives again, as after a requeue, goes on writing.
  createEffect(
    on(
      () => isActiveState(props.jobState),
      (isActive) => {
        if (isActive && log.ending() !== null) log.read(log.reading());
      },
      { defer: true },
    ),
  );
  useShortcuts([
    {
      key: 'o',
      label: 'Switch between stdout and stderr',
      run: () => props.onStream(props.stream === 'STDOUT' ? 'STDERR' : 'STDOUT'),
    },
    { key: 'w', label: 'Wrap long lines', run: () => setIsWrapped(!isWrapped()) },
    { key: 'f', label: 'Follow the end of the log', run: follow },
  ]);

  function follow(): void {
    if (log.reading() !== 'end') log.read('end');
    setIsFollowing(true);
  }

  return (
    <section class="card overflow-hidden" aria-label="Log">
      <div class="flex flex-wrap items-center gap-2 border-b border-line px-2 py-1.5">
        <fieldset class="flex rounded-md bg-raised p-0.5">
          <legend class="sr-only">Stream</legend>
          <For each={STREAMS}>
            {(stream) => (
              <button
                type="button"
                class="rounded px-2.5 py-0.5 text-xs text-muted aria-pressed:bg-surface aria-pressed:font-medium aria-pressed:text-ink aria-pressed:shadow-sm"
                aria-pressed={props.stream === stream}
                onClick={() => props.onStream(stream)}
              >
                {stream.toLowerCase()}
              </button>
            )}
          </For>
        </fieldset>
        <LogPosition log={log} onGoToEnd={follow} />
        <div class="ml-auto flex gap-1">
          <Show when={(log.ending()?.absence ?? null) === null && props.fileUrl}>
            {(url) => <DownloadButton address={url()} />}
          </Show>
          <Toggle
            label="Wrap"
            icon={<WrapText size={14} />}
            isOn={isWrapped()}
            onClick={() => setIsWrapped(!isWrapped())}
          />
          <Toggle
            label="Follow"
            icon={<ArrowDownToLine size={14} />}
            isOn={isFollowing() && log.reading() === 'end'}
            onClick={follow}
          />
        </div>
      </div>
      <Show when={log.fault()}>
        {(fault) => (
          <div class="flex flex-wrap items-center gap-3 p-2">
            <Notice tone="bad">{fault()}</Notice>
            <button type="button" class="button" onClick={() => log.read(log.reading())}>
              Try again
            </button>
          </div>
        )}
      </Show>
      <Show when={!isEmpty() && flaw()}>{(text) => <Notice tone="warning">{text()}</Notice>}</Show>
      <Show when={log.wasReset()}>
        <Notice tone="neutral">The file was replaced while it was shown; this is the new one from its start.</Notice>
      </Show>
      <Show
        when={!isEmpty()}
        fallback={
          <p class="log grid h-40 place-items-center px-4 text-center text-balance">
            {log.fault() === null && nothing()}
          </p>
        }
      >
        <LogView log={log} isWrapped={isWrapped()} isFollowing={isFollowing()} onFollow={setIsFollowing} />
      </Show>
    </section>
  );
}

/** What part of the log this is, and the way to the other. */
function LogPosition(props: { readonly log: Log; onGoToEnd(): void }): JSX.Element {
  const hiddenBytes = (): number => {
    props.log.version();
    return props.log.buffer.startOffset;
  };
  const isWhole = (): boolean => {
    const ending = props.log.ending();
    return ending !== null && describeFlaw(ending) === null;
  };
  return (
    <span class="text-xs text-muted">
      <Switch>
        <Match when={props.log.reading() === 'start'}>
          {hiddenBytes() > 0 ? `The first ${formatBytes(hiddenBytes())} are no longer shown.` : 'From the start.'}{' '}
          <Show when={hiddenBytes() > 0}>
            <button type="button" class="link" onClick={() => props.log.read('start')}>
              Start again
            </button>
            {' · '}
          </Show>
          <button type="button" class="link" onClick={() => props.onGoToEnd()}>
            Go to the end
          </button>
        </Match>
        <Match when={hiddenBytes() > 0}>
          The first {formatBytes(hiddenBytes())} are not shown.{' '}
          <button type="button" class="link" onClick={() => props.log.read('start')}>
            Read from the start
          </button>
        </Match>
        <Match when={isWhole()}>Complete</Match>
      </Switch>
    </span>
  );
}

/** A form, as a link could not bring the session's key. */
function DownloadButton(props: { readonly address: string }): JSX.Element {
  let key!: HTMLInputElement;
  return (
    <form
      method="post"
      action={props.address}
      onSubmit={() => {
        key.value = sessionKey() ?? '';
      }}
    >
      <input type="hidden" name="key" ref={key} />
      <button type="submit" class="button button-quiet h-7 text-xs">
        <Download size={14} aria-hidden="true" /> Download
      </button>
    </form>
  );
}

interface ToggleProps {
  readonly label: string;
  readonly icon: JSX.Element;
  readonly isOn: boolean;
  onClick(): void;
}

function Toggle(props: ToggleProps): JSX.Element {
  return (
    <button
      type="button"
      class="button button-quiet h-7 text-xs aria-pressed:bg-accent-soft aria-pressed:text-accent"
      aria-pressed={props.isOn}
      onClick={() => props.onClick()}
    >
      {props.icon} {props.label}
    </button>
  );
}
