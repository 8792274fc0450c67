import { A } from '@solidjs/router';
import { For, type JSX } from 'solid-js';

interface TagsProps {
  readonly tags: readonly string[];
  /** The rest is counted. Default: all are shown. */
  readonly most?: number;
}

/** The tags of a job; each leads to all jobs that have it. */
export function Tags(props: TagsProps): JSX.Element {
  const shown = (): readonly string[] => props.tags.slice(0, props.most);
  const hidden = (): readonly string[] => props.tags.slice(shown().length);
  return (
    <>
      <For each={shown()}>
        {(tag) => (
          // Above the link that may cover the row.
          <A
            href={`/?tag=${encodeURIComponent(tag)}`}
            class="relative z-1 inline-block max-w-32 truncate rounded-md border border-line bg-raised px-1.5 align-middle text-xs text-muted hover:text-ink"
            title={`Jobs with the tag ${tag}`}
          >
            {tag}
          </A>
        )}
      </For>
      {hidden().length > 0 && (
        <span class="text-xs text-muted" title={hidden().join('\n')}>
          +{hidden().length}
        </span>
      )}
    </>
  );
}
