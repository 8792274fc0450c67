import { createQuery } from '@urql/solid';
import { createEffect, type JSX, Match, on, Switch } from 'solid-js';
import { describeError } from '../../graphql/errors.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Notice, Skeleton } from '../../ui/notice.tsx';
import { jobScriptQuery } from './operations.ts';

/** The batch script exactly as Slurm got it; asked for again when the job's state changes, until there is one. */
export function Script(props: { readonly jobId: string; readonly state: string }): JSX.Element {
  const [result, refetch] = createQuery({ query: jobScriptQuery, variables: () => ({ id: props.jobId }) });
  const script = (): string | null | undefined => result.data?.job?.script;
  createEffect(
    on(
      () => props.state,
      () => {
        if (script() === null) refetch({ requestPolicy: 'network-only' });
      },
      { defer: true },
    ),
  );
  return (
    <section class="card overflow-hidden" aria-label="Batch script">
      <Switch fallback={<Skeleton rows={6} />}>
        <Match when={result.error}>{(error) => <Notice tone="bad">{describeError(error())}</Notice>}</Match>
        <Match when={script()}>
          {(text) => (
            <div class="relative">
              <div class="absolute top-2 right-2">
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
