// What one GET answers, asked for when a view opens and again after the hub was away.
import { useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import { call } from "../api.ts";
import { snapshots } from "../state.ts";

export interface Loaded<Answer> {
  readonly value: Answer | undefined;
  readonly error: unknown;
  /** Asks again; for after a change. */
  reload(): Promise<void>;
}

export function useLoaded<Answer>(path: string): Loaded<Answer> {
  const value = useSignal<Answer | undefined>(undefined);
  const error = useSignal<unknown>(undefined);
  const reload = useCallback(async () => {
    try {
      value.value = await call<Answer>(path);
      error.value = undefined;
    } catch (caught) {
      error.value = caught;
    }
  }, [path, value, error]);
  const told = snapshots.value;
  useEffect(() => void reload(), [reload, told]);
  return { value: value.value, error: error.value, reload };
}
