import { A } from '@solidjs/router';
import LogOut from 'lucide-solid/icons/log-out';
import Plus from 'lucide-solid/icons/plus';
import { ErrorBoundary, type JSX, Show } from 'solid-js';
import { useClusters } from '../../graphql/clusters.ts';
import { describeError } from '../../graphql/errors.ts';
import { showToast } from '../../lib/toasts.ts';
import { Logo } from '../../ui/logo.tsx';
import { Notice } from '../../ui/notice.tsx';
import { ClusterDots } from './cluster-dots.tsx';
import { ConfigurationBanner } from './configuration-banner.tsx';
import { ConnectionBanner, ConnectionIndicator } from './connection.tsx';
import { signOut } from './session.ts';
import { ShortcutSheet } from './shortcut-sheet.tsx';

interface ShellProps {
  readonly children: JSX.Element;
  onSignedOut(): void;
}

/** What stands around every page: navigation, how fresh everything is, and the way out. */
export function Shell(props: ShellProps): JSX.Element {
  const clusters = useClusters();
  async function leave(): Promise<void> {
    try {
      await signOut();
      props.onSignedOut();
    } catch (fault) {
      showToast('error', `Signing out failed: ${describeError(fault)}`);
    }
  }
  return (
    <>
      <a href="#main" class="button sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2">
        Skip to content
      </a>
      <header class="sticky top-0 z-20 border-b border-line bg-surface">
        <div class="mx-auto flex h-12 max-w-[100rem] items-center gap-2 px-3 sm:gap-4 sm:px-5">
          <A href="/" class="flex items-center gap-2 font-semibold" aria-label="SlurmQL, jobs">
            <Logo /> <span class="hidden sm:inline">SlurmQL</span>
          </A>
          <nav class="flex h-full items-stretch" aria-label="Pages">
            <NavigationLink href="/" label="Jobs" />
            <NavigationLink href="/clusters" label="Clusters" />
            <NavigationLink href="/projects" label="Projects" />
          </nav>
          <div class="ml-auto flex items-center gap-1 sm:gap-3">
            <div class="hidden sm:block">
              <ClusterDots />
            </div>
            <ConnectionIndicator />
            <Show when={clusters.may('CHANGE_JOBS')}>
              <A href="/launch" class="button button-primary px-2 sm:px-3" aria-label="Launch a job">
                <Plus size={15} aria-hidden="true" /> <span class="hidden sm:inline">Launch</span>
              </A>
            </Show>
            <button
              type="button"
              class="button button-quiet"
              aria-label="Sign out"
              title="Sign out"
              onClick={() => void leave()}
            >
              <LogOut size={15} />
            </button>
          </div>
        </div>
        <ConnectionBanner />
        <ConfigurationBanner />
      </header>
      <main id="main" tabindex="-1" class="mx-auto max-w-[100rem] px-3 py-4 outline-none sm:px-5 sm:py-5">
        <ErrorBoundary fallback={(fault) => <BrokenPage fault={fault} />}>{props.children}</ErrorBoundary>
      </main>
      <ShortcutSheet />
    </>
  );
}

/** A page that failed to load, as after an update of the server, or to draw. */
function BrokenPage(props: { readonly fault: unknown }): JSX.Element {
  return (
    <div class="space-y-3">
      <Notice tone="bad">This page can't be displayed: {describeError(props.fault)}</Notice>
      <button type="button" class="button" onClick={() => location.reload()}>
        Load it again
      </button>
    </div>
  );
}

function NavigationLink(props: { readonly href: string; readonly label: string }): JSX.Element {
  return (
    <A
      href={props.href}
      end={props.href === '/'}
      class="flex items-center border-b-2 px-2 text-[0.8125rem] sm:px-3"
      activeClass="border-accent font-medium text-ink"
      inactiveClass="border-transparent text-muted hover:text-ink"
    >
      {props.label}
    </A>
  );
}
