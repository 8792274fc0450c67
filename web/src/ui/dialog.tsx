import { createEffect, createUniqueId, type JSX, Show } from 'solid-js';

interface DialogProps {
  readonly isOpen: boolean;
  readonly title: string;
  readonly children: JSX.Element;
  /** For what is a page of its own rather than a question. */
  readonly isWide?: boolean;
  onClose(): void;
}

/** A modal dialog: the browser's own, with its handling of focus and of Escape. */
export function Dialog(props: DialogProps): JSX.Element {
  const titleId = createUniqueId();
  // The element stays in the page: one that is removed while open doesn't give the focus back.
  function follow(element: HTMLDialogElement): void {
    createEffect(() => (props.isOpen ? element.showModal() : element.close()));
  }
  return (
    <dialog
      ref={follow}
      aria-labelledby={titleId}
      class={`card m-auto ${props.isWide === true ? 'w-[min(52rem,calc(100vw-1rem))]' : 'w-[min(34rem,calc(100vw-2rem))]'} p-5 text-ink shadow-xl outline-none backdrop:bg-black/40`}
      onClose={() => props.onClose()}
    >
      <Show when={props.isOpen}>
        <h2 id={titleId} class="mb-3 text-base wrap-anywhere">
          {props.title}
        </h2>
        {props.children}
      </Show>
    </dialog>
  );
}

interface ConfirmDialogProps {
  readonly isOpen: boolean;
  readonly title: string;
  readonly confirmLabel: string;
  readonly isBusy: boolean;
  readonly children: JSX.Element;
  onConfirm(): void;
  onClose(): void;
}

/** Asks before something that can't be taken back. */
export function ConfirmDialog(props: ConfirmDialogProps): JSX.Element {
  return (
    <Dialog isOpen={props.isOpen} title={props.title} onClose={() => props.onClose()}>
      <div class="text-muted wrap-anywhere">{props.children}</div>
      <div class="mt-5 flex justify-end gap-2">
        <button type="button" class="button" onClick={() => props.onClose()}>
          Keep
        </button>
        <button type="button" class="button button-danger" disabled={props.isBusy} onClick={() => props.onConfirm()}>
          {props.confirmLabel}
        </button>
      </div>
    </Dialog>
  );
}
