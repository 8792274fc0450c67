import { createQuery } from '@urql/solid';
import { createMemo, createSignal, For, type JSX, Show } from 'solid-js';
import { describeError } from '../../graphql/errors.ts';
import { formatBytes } from '../../lib/size.ts';
import { whileVisible } from '../../lib/while-visible.ts';
import { Notice, Skeleton } from '../../ui/notice.tsx';
import { REFRESH_MS, uncommittedFilesQuery } from './operations.ts';

const WORDS: Readonly<Record<string, string>> = {
  ADDED: 'added',
  MODIFIED: 'modified',
  DELETED: 'deleted',
  RENAMED: 'renamed',
  UNTRACKED: 'untracked',
  CONFLICTED: 'in conflict',
};
/** As many as people look through. */
const SHOWN = 200;

/** What differs from the commit that is checked out; read once somebody opens it. */
export function UncommittedFiles(props: { readonly projectId: string }): JSX.Element {
  const [isOpen, setIsOpen] = createSignal(false);
  return (
    <details class="col-span-2" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary class="cursor-pointer text-muted">Uncommitted files</summary>
      <Show when={isOpen()}>
        <Files projectId={props.projectId} />
      </Show>
    </details>
  );
}

function Files(props: { readonly projectId: string }): JSX.Element {
  const [result, refetch] = createQuery({
    query: uncommittedFilesQuery,
    variables: () => ({ id: props.projectId }),
    requestPolicy: 'cache-and-network',
  });
  whileVisible(REFRESH_MS, () => refetch({ requestPolicy: 'network-only' }));
  const files = createMemo(() => {
    const node = result.data?.node;
    return node?.__typename === 'Project' ? node.uncommittedFiles : null;
  });
  return (
    <Show
      when={files()}
      fallback={
        <Show when={result.error} fallback={<Skeleton rows={2} />}>
          {(error) => <Notice tone="bad">{describeError(error())}</Notice>}
        </Show>
      }
    >
      {(found) => (
        <>
          <ul class="mt-1 max-h-60 overflow-y-auto">
            <For each={found().slice(0, SHOWN)}>
              {(file) => (
                <li class="flex gap-2">
                  <code class="min-w-0 grow wrap-anywhere">{file.path}</code>
                  <span class="shrink-0 text-muted">
                    {WORDS[file.kind] ?? file.kind.toLowerCase()}
                    <Show when={file.sizeBytes}>{(bytes) => <>, {formatBytes(bytes())}</>}</Show>
                  </span>
                </li>
              )}
            </For>
          </ul>
          <Show when={found().length > SHOWN}>
            <p class="text-muted">and {(found().length - SHOWN).toLocaleString()} more</p>
          </Show>
        </>
      )}
    </Show>
  );
}
