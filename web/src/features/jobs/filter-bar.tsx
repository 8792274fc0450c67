import { createQuery } from '@urql/solid';
import Search from 'lucide-solid/icons/search';
import X from 'lucide-solid/icons/x';
import { createEffect, For, type JSX, on, onCleanup } from 'solid-js';
import { useClusters } from '../../graphql/clusters.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { type JobsFilter, type JobsParameters, STATE_GROUPS, type StateGroup } from './filter.ts';
import { projectNamesQuery } from './operations.ts';

const SEARCH_PAUSE_MS = 200;

const GROUP_LABELS = {
  all: 'All',
  active: 'Active',
  finished: 'Finished',
  failed: 'Failed',
  archived: 'Archived',
} as const satisfies Record<StateGroup, string>;

interface FilterBarProps {
  readonly filter: JobsFilter;
  onChange(changes: JobsParameters): void;
}

export function FilterBar(props: FilterBarProps): JSX.Element {
  return (
    <search class="flex flex-wrap items-center gap-2">
      <SearchInput {...props} />
      <fieldset class="flex rounded-md border border-line-strong bg-surface p-0.5">
        <legend class="sr-only">State</legend>
        <For each={STATE_GROUPS}>
          {(group) => (
            <label class="flex h-6.5 items-center rounded px-2.5 text-muted has-checked:bg-accent-soft has-checked:font-medium has-checked:text-accent has-focus-visible:outline-2 has-focus-visible:outline-accent">
              <input
                type="radio"
                name="state"
                class="sr-only"
                checked={props.filter.group === group}
                onChange={() => props.onChange({ state: group === 'all' ? '' : group })}
              />
              {GROUP_LABELS[group]}
            </label>
          )}
        </For>
      </fieldset>
      <ClusterSelect {...props} />
      <ProjectSelect {...props} />
      <ChosenTags {...props} />
    </search>
  );
}

function SearchInput(props: FilterBarProps): JSX.Element {
  let input: HTMLInputElement | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  onCleanup(() => clearTimeout(timer));
  useShortcuts([{ key: '/', label: 'Search the jobs', run: () => input?.select() }]);
  // Back and Forward change the address under the input.
  createEffect(
    on(
      () => props.filter.search,
      (search) => {
        if (input !== undefined && input.value.trim() !== search) input.value = search;
      },
    ),
  );
  return (
    <div class="relative w-full sm:w-72">
      <Search size={14} class="pointer-events-none absolute top-2.25 left-2.5 text-muted" aria-hidden="true" />
      <input
        ref={(element) => {
          input = element;
        }}
        type="search"
        class="control peer pl-8"
        placeholder="Name, command, id, #tag"
        aria-label="Search jobs"
        value={props.filter.search}
        onInput={(event) => {
          const search = event.currentTarget.value.trim();
          clearTimeout(timer);
          timer = setTimeout(() => props.onChange({ q: search }), SEARCH_PAUSE_MS);
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' && event.key !== 'Enter') return;
          // Back to the list and its keys, with the search as it is: Escape would clear it.
          event.preventDefault();
          event.currentTarget.blur();
        }}
      />
      <kbd class="pointer-events-none absolute top-1.5 right-2 hidden rounded border border-line bg-raised px-1.5 text-xs text-muted peer-placeholder-shown:not-peer-focus:sm:inline">
        /
      </kbd>
    </div>
  );
}

function ChosenTags(props: FilterBarProps): JSX.Element {
  return (
    <For each={props.filter.tags}>
      {(tag) => (
        <button
          type="button"
          class="button max-w-48 gap-1.5"
          title={`Also show jobs without the tag ${tag}`}
          onClick={() => props.onChange({ tag: props.filter.tags.filter((other) => other !== tag) })}
        >
          <span class="truncate">#{tag}</span>
          <X size={14} class="shrink-0" aria-hidden="true" />
        </button>
      )}
    </For>
  );
}

function ClusterSelect(props: FilterBarProps): JSX.Element {
  const clusters = useClusters();
  return (
    <select
      class="control w-auto max-w-48 grow sm:grow-0"
      aria-label="Cluster"
      onChange={(event) => props.onChange({ cluster: event.currentTarget.value })}
    >
      <option value="">All clusters</option>
      <For each={clusters.all}>
        {(cluster) => (
          <option value={cluster.name} selected={cluster.name === props.filter.cluster}>
            {cluster.name}
          </option>
        )}
      </For>
    </select>
  );
}

function ProjectSelect(props: FilterBarProps): JSX.Element {
  const [projects] = createQuery({ query: projectNamesQuery, requestPolicy: 'cache-and-network' });
  return (
    <select
      class="control w-auto max-w-48 grow sm:grow-0"
      aria-label="Project"
      onChange={(event) => props.onChange({ project: event.currentTarget.value })}
    >
      <option value="">All projects</option>
      <For each={projects.data?.projects.nodes}>
        {(project) => (
          <option value={project.id} selected={project.id === props.filter.project}>
            {project.name}
          </option>
        )}
      </For>
    </select>
  );
}
