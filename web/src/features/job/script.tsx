import { createEffect, createSignal, type JSX, Match, on, Switch } from 'solid-js';
import { ask, useApi } from '../../graphql/api.ts';
import { describeError } from '../../graphql/errors.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Notice, Skeleton } from '../../ui/notice.tsx';
import { jobScriptQuery } from './operations.ts';

interface ScriptProps {
  readonly jobId: string;
  readonly state: string;
  /** Stands beside the button that copies it. */
  readonly children: JSX.Element;
}

/** The batch script exactly as Slurm got it; asked for again when the job's state changes, until there is one. */
export function Script(props: ScriptProps): JSX.Element {
  const api = useApi();
  const [script, setScript] = createSignal<string | null>();
  const [fault, setFault] = createSignal<string | null>(null);

  async function load(id: string): Promise<void> {
    try {
      const { job } = await ask(api, jobScriptQuery, { id });
      setScript(job?.script ?? null);
      setFault(null);
    } catch (error) {
      setFault(describeError(error));
    }
  }
  createEffect(
    on([() => props.jobId, () => props.state], ([id]) => {
      if (typeof script() !== 'string') void load(id);
    }),
  );
  return (
    <section class="card overflow-hidden" aria-label="Batch script">
      <Switch fallback={<Skeleton rows={6} />}>
        <Match when={fault()}>{(message) => <Notice tone="bad">{message()}</Notice>}</Match>
        <Match when={script()}>
          {(text) => (
            <div class="relative">
              <div class="absolute top-2 right-2 flex items-center gap-1">
                {props.children}
                <CopyButton text={text()} label="Copy the script" />
              </div>
              <pre class="log overflow-x-auto p-3 text-xs leading-5" tabindex="0">
                {text()}
              </pre>
            </div>
          )}
        </Match>
        <Match when={script() === null}>
          <p class="p-6 text-center text-muted">The script is written when the job is submitted.</p>
        </Match>
      </Switch>
    </section>
  );
}
