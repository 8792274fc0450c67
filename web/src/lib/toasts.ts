import { createSignal } from 'solid-js';

export interface Toast {
  readonly id: number;
  readonly tone: 'info' | 'error';
  readonly text: string;
}

const MAX_SHOWN = 4;
const INFO_MS = 6_000;

const [shown, setShown] = createSignal<readonly Toast[]>([]);
let lastId = 0;

/** Those on screen, oldest first. */
export const toasts = shown;

/** Tells of something that has no better place on the page. An error stays until it is dismissed. */
export function showToast(tone: Toast['tone'], text: string): void {
  lastId += 1;
  const id = lastId;
  setShown((all) => [...all.filter((toast) => toast.text !== text), { id, tone, text }].slice(-MAX_SHOWN));
  if (tone === 'info') setTimeout(() => dismissToast(id), INFO_MS);
}

export function dismissToast(id: number): void {
  setShown((all) => all.filter((toast) => toast.id !== id));
}
