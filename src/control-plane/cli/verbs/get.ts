// `holdfast get NAME`: one connector with the evidence for its status. Asks no server.
import type { ConnectorView } from "../../api/schema.ts";
import { openHub } from "../hub/open-hub.ts";
import { ago, colourOf, type Terminal } from "../hub/terminal.ts";
import { shownServer } from "./list.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

export async function get(name: string, flags: CommonFlags, { terminal, show, parts }: VerbContext): Promise<void> {
  await using hub = await openHub(flags, terminal, parts);
  const view = await hub.get(name);
  show(view, () => described(view, terminal));
}

/** As `get`, `add`, `connect` and `disconnect` print it. */
export function described(view: ConnectorView, terminal: Terminal): string {
  const { name, status, server, wanted, sessions, endpoints, source, headerNames, generation } = view;
  const nowMs = Date.now();
  const state = terminal.paint(colourOf(status.kind), status.kind);
  const lines: (readonly [string, string] | undefined)[] = [
    ["Status", `${state} since ${ago(status.since, nowMs)}: ${status.summary}`],
    ...evidence(view, nowMs),
    ["Wanted", `${wanted} (generation ${generation}, kept in the ${source})`],
    ["Server", `${shownServer(server)} (${server.kind === "http" ? server.wire : server.kind})`],
    headerNames.length === 0 ? undefined : ["Headers", headerNames.join(", ")],
    ["Sessions", String(sessions)],
    ["Endpoint", endpoints.mcp],
  ];
  const shown = lines.flatMap((line) => (line === undefined ? [] : [`  ${`${line[0]}:`.padEnd(13)}${line[1]}`]));
  return [terminal.paint("bold", name), ...shown].join("\n");
}

function evidence({ status }: ConnectorView, nowMs: number): readonly (readonly [string, string])[] {
  const { lastAnswer, lastGoodAt, nextTryAt, action, errorCode } = status;
  const answer = [lastAnswer?.status, lastAnswer?.head].filter((part) => part !== undefined && part !== "").join(" ");
  return [
    ["To do", action],
    ["Error", errorCode],
    ["Last good", lastGoodAt === undefined ? undefined : `${ago(lastGoodAt, nowMs)} ago`],
    ["Last answer", answer === "" ? undefined : answer],
    ["Next try", nextTryAt],
  ].flatMap(([title = "", text]) => (text === undefined ? [] : [[title, text] as const]));
}
