// `holdfast logs NAME`: the request inspector in the terminal. With -f it goes on, live, until it is interrupted.
import type { BodiesView, Exchange, Restore } from "../../api/schema.ts";
import { openHub } from "../hub/open-hub.ts";
import type { Terminal } from "../hub/terminal.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export interface LogsFlags extends CommonFlags {
  readonly follow?: boolean;
  readonly lines: number;
  readonly bodies?: boolean;
  readonly keepBodies?: "on" | "off";
}

type Entry = { readonly exchange: Exchange; readonly bodies?: BodiesView } | { readonly restore: Restore };

export async function logs(name: string, flags: LogsFlags, { terminal, parts }: VerbContext): Promise<void> {
  await using hub = await openHub(flags, terminal, parts, "hub");
  const ending = new AbortController();
  const print = (entry: Entry): void =>
    terminal.out(flags.json === true ? JSON.stringify(entry) : lineOf(entry, terminal));
  const show = async (entry: Entry): Promise<void> => print(flags.bodies === true ? await withBodies(entry) : entry);
  const withBodies = async (entry: Entry): Promise<Entry> => {
    if (!("exchange" in entry) || entry.exchange.hasBodies !== true) return entry;
    // Newer ones may have taken their place meanwhile.
    const bodies = await hub.bodies(name, entry.exchange.seq).catch(() => undefined);
    return bodies === undefined ? entry : { ...entry, bodies };
  };
  if (flags.keepBodies !== undefined) {
    await hub.keepBodies(name, flags.keepBodies === "on");
    terminal.note(flags.keepBodies === "on" ? kept : "Bodies are not kept from now on; those that were are gone.");
  }
  const past = await hub.exchanges(name, flags.lines);
  const entries: Entry[] = [
    ...past.exchanges.map((exchange) => ({ exchange })),
    ...past.restores.map((restore) => ({ restore })),
  ];
  for (const entry of entries.toSorted((a, b) => seqOf(a) - seqOf(b))) await show(entry);
  if (flags.follow !== true) return;
  let last = past.next;
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());
  try {
    for await (const event of hub.events(name, ending.signal)) {
      if (event.type === "exchange" && event.exchange.seq > last) await show({ exchange: event.exchange });
      // A restore is told as often as it changes; it is printed when it is over.
      if (event.type === "restore" && event.restore.outcome !== "running") print({ restore: event.restore });
      if (event.type === "exchange") last = Math.max(last, event.exchange.seq);
    }
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  }
}

const kept =
  "Bodies are kept from now on: their beginnings, without what is known to be secret, in memory, until the hub ends or --keep-bodies off.";

function seqOf(entry: Entry): number {
  return "exchange" in entry ? entry.exchange.seq : entry.restore.seq;
}

function lineOf(entry: Entry, terminal: Terminal): string {
  if (!("exchange" in entry)) return restoreLines(entry.restore, terminal);
  const { exchange, bodies } = entry;
  return [exchangeLine(exchange, terminal), ...bodyLines(">", bodies?.request), ...bodyLines("<", bodies?.answer)].join(
    "\n",
  );
}

function bodyLines(mark: string, body: BodiesView["request"]): readonly string[] {
  if (body === undefined) return [];
  const { text, bytes, isCut } = body;
  if (text === "") return [`    ${mark} (${bytes} bytes that are no text)`];
  const lines = text.trimEnd().split("\n");
  return [...lines, ...(isCut ? [`(the beginning of ${bytes} bytes)`] : [])].map((line) => `    ${mark} ${line}`);
}

function exchangeLine(one: Exchange, { paint }: Terminal): string {
  const what = one.jsonrpc_method === "" ? one.http_method : one.jsonrpc_method;
  const status = paint(one.status >= 400 ? "red" : "green", String(one.status));
  const more = [one.recovery, one.error_code].filter((part) => part !== "" && part !== "none" && part !== "-");
  return [timeOf(one.at), one.session_id, what, status, `${Math.round(one.elapsed_ms)} ms`, ...more].join("  ");
}

/** One restore is one timeline. */
function restoreLines({ at, session_id, signal, outcome, elapsed_ms, steps }: Restore, { paint }: Terminal): string {
  const good = outcome === "restored" || outcome === "overtaken";
  const head = `${timeOf(at)}  ${session_id}  ${paint(good ? "green" : "red", outcome)} in ${Math.round(elapsed_ms)} ms after ${signal}`;
  const lines = steps.map(({ step, atMs, tookMs, status, note }) =>
    [
      `    +${String(Math.round(atMs)).padStart(5)} ms  ${step.padEnd(14)}`,
      status === undefined ? "" : String(status),
      tookMs === undefined ? "" : `${Math.round(tookMs)} ms`,
      note ?? "",
    ]
      .filter((part) => part !== "")
      .join("  "),
  );
  return [head, ...lines].join("\n");
}

/** The local time of day. */
function timeOf(at: string): string {
  const date = new Date(at);
  const two = (value: number, width = 2) => String(value).padStart(width, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => two(value)).join(":");
  return `${time}.${two(date.getMilliseconds(), 3)}`;
}
