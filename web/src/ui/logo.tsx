import type { JSX } from 'solid-js';

export function Logo(): JSX.Element {
  return <img src="/favicon.svg" alt="" width="20" height="20" />;
}
