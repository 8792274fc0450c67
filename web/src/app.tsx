import { Route, Router } from '@solidjs/router';
import { Provider } from '@urql/solid';
import { createSignal, type JSX, onCleanup, Show } from 'solid-js';
import { Shell } from './features/shell/shell.tsx';
import { SignIn } from './features/shell/sign-in.tsx';
import { ApiContext, createApi } from './graphql/api.ts';
import { ClustersContext, createLiveClusters } from './graphql/clusters.ts';
import { deferred } from './ui/deferred.tsx';
import { Toasts } from './ui/toasts.tsx';

const JobsPage = deferred(() => import('./features/jobs/page.tsx'));
const JobPage = deferred(() => import('./features/job/page.tsx'));
const LogPanel = deferred(() => import('./features/logs/log-panel.tsx'));
const LaunchPage = deferred(() => import('./features/launch/page.tsx'));
const ComparePage = deferred(() => import('./features/compare/page.tsx'));
const ProjectsPage = deferred(() => import('./features/projects/page.tsx'));
const ClustersPage = deferred(() => import('./features/clusters/page.tsx'));
const NotFoundPage = deferred(() => import('./features/shell/not-found.tsx'));

/** Where the features are put together, as none of them knows another: the session, then the pages within it. */
export function App(): JSX.Element {
  // Open until the server says otherwise; only the server can read the cookie.
  const [isSignedIn, setIsSignedIn] = createSignal(true);
  return (
    <>
      <Show when={isSignedIn()} fallback={<SignIn onSignedIn={() => setIsSignedIn(true)} />}>
        <Session onEnded={() => setIsSignedIn(false)} />
      </Show>
      <Toasts />
    </>
  );
}

/** Everything that needs a credential. A new session starts with nothing of the last one. */
function Session(props: { onEnded(): void }): JSX.Element {
  const api = createApi(() => props.onEnded());
  onCleanup(api.socket.close);
  return (
    <Provider value={api.client}>
      <ApiContext.Provider value={api}>
        <ClustersContext.Provider value={createLiveClusters(api)}>
          <Router root={(section) => <Shell onSignedOut={() => props.onEnded()}>{section.children}</Shell>}>
            <Route path="/" component={JobsPage} />
            <Route path="/jobs/:id" component={() => <JobPage log={LogPanel} />} />
            <Route path="/compare" component={ComparePage} />
            <Route path="/launch" component={LaunchPage} />
            <Route path="/projects" component={ProjectsPage} />
            <Route path="/clusters" component={ClustersPage} />
            <Route path="*" component={NotFoundPage} />
          </Router>
        </ClustersContext.Provider>
      </ApiContext.Provider>
    </Provider>
  );
}
