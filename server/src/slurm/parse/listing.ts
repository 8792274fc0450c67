import type { Unreadable } from '../together.ts';
import { slurmMessage } from './messages.ts';

/** What a section lists, up to its last line; `gone`: the place is, although the workspace exists. */
export type Listing = { readonly listed: string } | 'gone' | Unreadable;

const CUT_OFF = 'the list of records was cut off';

/** A section of `LISTING`'s functions, which is whole only if its last line says so. */
export function readListing(output: string): Listing {
  const end = output.endsWith('\n') ? output.length - 1 : output.length;
  const start = end === 0 ? 0 : output.lastIndexOf('\n', end - 1) + 1;
  const last = output.slice(start, end);
  if (last === 'whole') return { listed: output.slice(0, start) };
  if (last === 'gone') return last;
  const reason = /^unread (.*)$/s.exec(last)?.[1] ?? '';
  return { unreadable: slurmMessage(reason) || CUT_OFF };
}
