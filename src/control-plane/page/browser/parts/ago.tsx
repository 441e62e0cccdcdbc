// A time as its distance from now, kept true by the page's clock; the exact time is in its title.
import { computed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { now } from "../time.ts";
import { ago, ahead, moment } from "../words.ts";

export function Ago({ time, to = "past" }: { readonly time: string; readonly to?: "past" | "future" }) {
  // Given to preact as a signal: only this text changes each second, nothing is drawn anew.
  const text = useMemo(
    () => computed(() => (to === "past" ? ago(time, now.value) : ahead(time, now.value))),
    [time, to],
  );
  return (
    <time dateTime={time} title={moment(time)}>
      {text}
    </time>
  );
}
