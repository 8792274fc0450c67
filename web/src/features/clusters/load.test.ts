import { expect, it } from 'vitest';
import { loadRows } from './load.ts';
import type { LoadWindow } from './operations.ts';

function window(...commands: LoadWindow['commands']): LoadWindow {
  return { since: '2026-01-01T00:00:00Z', commands, logins: 1, seconds: 0 };
}

it('the load has a row for each kind of command of the day, also where this hour had none of it', () => {
  const hour = window({ kind: 'queue', count: 2, seconds: 0.1 });
  const day = window({ kind: 'queue', count: 90, seconds: 4 }, { kind: 'new-kind', count: 1, seconds: 3 });
  expect(loadRows(hour, day)).toEqual([
    {
      label: 'Queue',
      note: 'squeue, how jobs stand',
      hour: { kind: 'queue', count: 2, seconds: 0.1 },
      day: { count: 90, seconds: 4 },
    },
    { label: 'new-kind', note: null, hour: { count: 0, seconds: 0 }, day: { count: 1, seconds: 3 } },
  ]);
});
