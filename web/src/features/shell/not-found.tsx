import { A } from '@solidjs/router';
import type { JSX } from 'solid-js';
import { useTitle } from '../../lib/title.ts';
import { EmptyState } from '../../ui/notice.tsx';

export default function NotFoundPage(): JSX.Element {
  useTitle(() => 'Not found');
  return (
    <div class="card">
      <EmptyState title="Page not found">
        <A href="/" class="button">
          All jobs
        </A>
      </EmptyState>
    </div>
  );
}
