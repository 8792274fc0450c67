import { type Component, createSignal, type JSX, Match, Switch, untrack } from 'solid-js';
import { Dynamic } from 'solid-js/web';
import { Skeleton } from './notice.tsx';

type Loaded<Props extends object> =
  | { readonly kind: 'component'; readonly component: Component<Props> }
  | { readonly kind: 'fault'; readonly fault: unknown };

/**
 * A component that is loaded when it is first shown. Not Solid's `lazy`, which needs `<Suspense>`: where that is used,
 * the router's navigations become transitions, and what is disposed of in a transition isn't cleaned up (in Solid 1.9 a
 * memo's children that were made or disposed of in one, https://github.com/solidjs/solid/issues/2352): every visit of a
 * page would leave it behind with its listeners and subscriptions. A test sees to it.
 */
export function deferred<Props extends object>(
  load: () => Promise<{ readonly default: Component<Props> }>,
): Component<Props> {
  const [loaded, setLoaded] = createSignal<Loaded<Props> | null>(null);
  let isLoading = false;

  async function begin(): Promise<void> {
    isLoading = true;
    setLoaded(null);
    try {
      const { default: component } = await load();
      setLoaded({ kind: 'component', component });
    } catch (fault) {
      // As after an update of the server: the next visit tries again.
      isLoading = false;
      setLoaded({ kind: 'fault', fault });
    }
  }
  function loadedAs<Kind extends Loaded<Props>['kind']>(kind: Kind): (Loaded<Props> & { readonly kind: Kind }) | null {
    const current = loaded();
    return current?.kind === kind ? (current as Loaded<Props> & { readonly kind: Kind }) : null;
  }

  return (props): JSX.Element => {
    if (!isLoading) void begin();
    return (
      <Switch fallback={<Skeleton rows={8} />}>
        <Match when={loadedAs('component')?.component}>
          {(component) => <Dynamic component={component()} {...props} />}
        </Match>
        <Match when={loadedAs('fault')}>{(found) => <Thrown fault={found().fault} />}</Match>
      </Switch>
    );
  };
}

/** For the error boundary around it. */
function Thrown(props: { readonly fault: unknown }): JSX.Element {
  throw untrack(() => props.fault);
}
