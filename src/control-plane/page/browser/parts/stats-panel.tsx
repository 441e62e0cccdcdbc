// Calls, losses and restores over time: the totals as text, and the chart, which is fetched only when there is something to draw.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Stats } from "../../../api/schema.ts";
import { call } from "../api.ts";
import { countOf, grouped, span } from "../words.ts";

const askAgainMs = 5_000;

export function StatsPanel({ connector }: { readonly connector?: string }) {
  const stats = useSignal<Stats | undefined>(undefined);
  useEffect(() => {
    const stop = new AbortController();
    const query = connector === undefined ? "" : `?connector=${encodeURIComponent(connector)}`;
    const ask = () => {
      if (document.hidden) return;
      call<Stats>(`/stats${query}`, { signal: stop.signal }).then(
        (answer) => (stats.value = sinceFirst(answer)),
        // A broken line is told at the top of the page; the chart stays as it was.
        () => {},
      );
    };
    ask();
    const timer = setInterval(ask, askAgainMs);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [connector, stats]);
  if (stats.value === undefined) return <div class="panel stats is-empty" />;
  return (
    <figure class="panel stats">
      <Totals stats={stats.value} />
      <Chart stats={stats.value} />
    </figure>
  );
}

const leastPoints = 60;

/** Without the time before anything happened, so that the first minutes of a hub are not a thin line at the end of an empty hour. */
function sinceFirst({ stepMs, points }: Stats): Stats {
  const first = points.findIndex((point) => point.calls + point.errors + point.losses + point.restores > 0);
  const start = Math.min(first === -1 ? points.length : first, points.length - leastPoints);
  return { stepMs, points: points.slice(Math.max(0, start)) };
}

function sum(stats: Stats, field: "calls" | "errors" | "losses" | "restores" | "restoresFailed"): number {
  return stats.points.reduce((total, point) => total + point[field], 0);
}

function Totals({ stats }: { readonly stats: Stats }) {
  const failed = sum(stats, "restoresFailed");
  return (
    <figcaption class="totals">
      <span>Last {span(stats.stepMs * stats.points.length).replace(/^1 h$/, "hour")}</span>
      <span class="total is-calls">
        <b>{grouped(sum(stats, "calls"))}</b> calls
      </span>
      <span class="total is-losses">
        <b>{grouped(sum(stats, "losses"))}</b> sessions lost
      </span>
      <span class="total is-restores">
        <b>{grouped(sum(stats, "restores"))}</b> restored
      </span>
      {failed > 0 && <span class="total is-failed">{countOf(failed, "restore")} failed</span>}
      <span class="total">
        <b>{grouped(sum(stats, "errors"))}</b> errors
      </span>
    </figcaption>
  );
}

function Chart({ stats }: { readonly stats: Stats }) {
  const box = useRef<HTMLDivElement>(null);
  const drawing = useRef<{ draw(stats: Stats): void; close(): void }>(undefined);
  const latest = useRef(stats);
  latest.current = stats;
  useEffect(() => {
    let isGone = false;
    void import("./chart.ts").then(({ openChart }) => {
      if (isGone || box.current === null) return;
      drawing.current = openChart(box.current);
      drawing.current.draw(latest.current);
    });
    return () => {
      isGone = true;
      drawing.current?.close();
    };
  }, []);
  useEffect(() => drawing.current?.draw(stats), [stats]);
  // What it shows is told by the totals beside it.
  return <div class="chart" ref={box} aria-hidden="true" />;
}
