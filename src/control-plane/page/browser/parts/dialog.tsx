// A question that must be answered before anything else: the browser's own dialog, which keeps the focus and gives it back.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { ProblemNotice } from "./notice.tsx";

export interface ConfirmProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** What the button does, as a verb. */
  readonly verb: string;
  readonly isBusy: boolean;
  readonly error: unknown;
  readonly onConfirm: () => void;
  readonly onCancel: () => void;
}

export function ConfirmDialog({ title, children, verb, isBusy, error, onConfirm, onCancel }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onCancel();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
      <ProblemNotice error={error} />
      <div class="actions is-end">
        <button type="button" class="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="button" class="button is-danger" aria-disabled={isBusy} onClick={() => isBusy || onConfirm()}>
          {verb}
        </button>
      </div>
    </dialog>
  );
}
