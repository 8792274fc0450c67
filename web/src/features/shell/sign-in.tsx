import { createSignal, type JSX } from 'solid-js';
import { describeError } from '../../graphql/errors.ts';
import { useTitle } from '../../lib/title.ts';
import { Field } from '../../ui/field.tsx';
import { Logo } from '../../ui/logo.tsx';
import { signIn } from './session.ts';

export function SignIn(props: { onSignedIn(): void }): JSX.Element {
  const [error, setError] = createSignal<string | undefined>();
  const [isBusy, setIsBusy] = createSignal(false);
  useTitle(() => 'Sign in');

  async function submit(form: HTMLFormElement): Promise<void> {
    setIsBusy(true);
    setError(undefined);
    try {
      const token = String(new FormData(form).get('token')).trim();
      if (await signIn(token)) props.onSignedIn();
      else setError('The token is wrong.');
    } catch (fault) {
      setError(`Signing in failed: ${describeError(fault)}`);
    }
    setIsBusy(false);
  }

  return (
    <main class="grid min-h-dvh place-items-center p-4">
      <form
        class="card w-full max-w-sm space-y-4 p-6"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <h1 class="flex items-center gap-2">
          <Logo /> Sign in to SlurmQL
        </h1>
        <Field
          label="Token"
          error={error()}
          hint="The server prints an address with the token when it starts, and keeps the token in its data directory."
        >
          {(attributes) => (
            <input {...attributes} class="control" name="token" type="password" autocomplete="off" required autofocus />
          )}
        </Field>
        <button type="submit" class="button button-primary w-full" disabled={isBusy()}>
          Sign in
        </button>
      </form>
    </main>
  );
}
