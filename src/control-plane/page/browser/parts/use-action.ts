// One thing that a button does: busy while it is under way, and what went wrong. A second press meanwhile does nothing.
import { type Signal, useSignal } from "@preact/signals";

export interface Action {
  readonly isBusy: boolean;
  readonly error: Signal<unknown>;
  /** Resolves to whether it was done. */
  run(work: () => Promise<void>): Promise<boolean>;
}

export function useAction(): Action {
  const isBusy = useSignal(false);
  const error = useSignal<unknown>(undefined);
  return {
    get isBusy() {
      return isBusy.value;
    },
    error,
    async run(work) {
      if (isBusy.peek()) return false;
      isBusy.value = true;
      error.value = undefined;
      try {
        await work();
        return true;
      } catch (caught) {
        error.value = caught;
        return false;
      } finally {
        isBusy.value = false;
      }
    },
  };
}
