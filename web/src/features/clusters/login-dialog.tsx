import LoaderCircle from 'lucide-solid/icons/loader-circle';
import { For, type JSX, Match, Show, Switch } from 'solid-js';
import type { LoginPrompt } from '../../graphql/clusters.ts';
import { useNow } from '../../lib/clock.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { autocompleteFor, type Login, type LoginPhase } from './login.ts';

interface LoginDialogProps {
  readonly cluster: string;
  readonly login: Login;
}

/** A login that asks: the server's own questions, and what it says to the answers. */
export function LoginDialog(props: LoginDialogProps): JSX.Element {
  function phaseOf<Kind extends LoginPhase['kind']>(kind: Kind): (LoginPhase & { readonly kind: Kind }) | null {
    const phase = props.login.phase();
    return phase.kind === kind ? (phase as LoginPhase & { readonly kind: Kind }) : null;
  }
  return (
    <Dialog isOpen={props.login.isOpen()} title={`Log in to ${props.cluster}`} onClose={() => props.login.close()}>
      <Switch>
        <Match when={phaseOf('asked')?.prompt.id} keyed>
          <Show when={phaseOf('asked')?.prompt}>
            {(prompt) => <PromptForm prompt={prompt()} login={props.login} />}
          </Show>
        </Match>
        <Match when={phaseOf('connecting')}>
          <Waiting text="Connecting…" onClose={() => props.login.close()} />
        </Match>
        <Match when={phaseOf('checking')}>
          <Waiting text="The cluster is checking the answer…" onClose={() => props.login.close()} />
        </Match>
        <Match when={phaseOf('failed')}>
          {(phase) => (
            <div class="space-y-4">
              <Notice tone="bad">{phase().message}</Notice>
              <Buttons onClose={() => props.login.close()}>
                <button type="button" class="button button-primary" onClick={() => props.login.connect()}>
                  Start a new login
                </button>
              </Buttons>
            </div>
          )}
        </Match>
      </Switch>
    </Dialog>
  );
}

function PromptForm(props: { readonly prompt: LoginPrompt; readonly login: Login }): JSX.Element {
  // A dialog takes the focus to its beginning when it opens, and to nothing when its content changes.
  const focus = (element: HTMLElement): void => queueMicrotask(() => element.focus());
  return (
    <form
      class="space-y-4"
      autocomplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget);
        const answers = props.prompt.prompts.map((_, index) => String(data.get(`answer-${index}`) ?? ''));
        void props.login.answer(props.prompt.id, answers);
      }}
    >
      <p class="text-muted">
        <code class="text-ink wrap-anywhere">{props.prompt.host}</code> asks:
      </p>
      <Show when={props.prompt.isRepeated}>
        <Notice tone="bad">The previous answer was wrong. Try again.</Notice>
      </Show>
      <Show when={props.login.refusal()}>{(text) => <Notice tone="bad">{text()}</Notice>}</Show>
      <Show when={props.prompt.name || props.prompt.instruction}>
        <div class="rounded-md bg-raised px-3 py-2 whitespace-pre-line wrap-anywhere">
          <Show when={props.prompt.name}>
            <p class="font-medium">{props.prompt.name}</p>
          </Show>
          {props.prompt.instruction}
        </div>
      </Show>
      <For each={props.prompt.prompts}>
        {(line, index) => (
          <Field label={line.text || 'Answer'}>
            {(attributes) => (
              <input
                {...attributes}
                ref={(element) => index() === 0 && focus(element)}
                class="control font-mono"
                name={`answer-${index()}`}
                type={line.isSecret ? 'password' : 'text'}
                autocomplete={autocompleteFor(line.text)}
                autocapitalize="none"
                spellcheck={false}
                maxlength="1000"
              />
            )}
          </Field>
        )}
      </For>
      <Buttons onClose={() => props.login.close()} note={<TimeLeft until={props.prompt.expiresAt} />}>
        <button type="submit" class="button button-primary">
          Log in
        </button>
      </Buttons>
    </form>
  );
}

function TimeLeft(props: { readonly until: string }): JSX.Element {
  const now = useNow();
  const seconds = (): number => Math.max(0, Math.round((Date.parse(props.until) - now()) / 1_000));
  return (
    <span role="timer">
      {Math.floor(seconds() / 60)}:{String(seconds() % 60).padStart(2, '0')} left to answer
    </span>
  );
}

function Waiting(props: { readonly text: string; onClose(): void }): JSX.Element {
  return (
    <div class="space-y-4">
      <p class="flex items-center gap-2 text-muted" role="status">
        <LoaderCircle size={15} class="motion-safe:animate-spin" aria-hidden="true" /> {props.text}
      </p>
      <Buttons onClose={() => props.onClose()} />
    </div>
  );
}

function Buttons(props: {
  readonly note?: JSX.Element;
  readonly children?: JSX.Element;
  onClose(): void;
}): JSX.Element {
  return (
    <div class="flex flex-wrap items-center justify-end gap-2">
      <span class="mr-auto text-xs text-muted">{props.note}</span>
      <button type="button" class="button" onClick={() => props.onClose()}>
        Close
      </button>
      {props.children}
    </div>
  );
}
