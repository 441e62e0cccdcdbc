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
    ...signInLines(view, nowMs),
    ["Sessions", String(sessions)],
    ["Endpoint", endpoints.mcp],
  ];
  const shown = lines.flatMap((line) => (line === undefined ? [] : [`  ${`${line[0]}:`.padEnd(13)}${line[1]}`]));
  return [terminal.paint("bold", name), ...shown].join("\n");
}

function signInLines({ signIn }: ConnectorView, nowMs: number): readonly (readonly [string, string])[] {
  if (signIn === undefined) return [];
  const { issuer, since, subject, expiresAt, isRenewable, scope, trouble } = signIn;
  const whom = subject === undefined ? "" : ` as ${subject}`;
  const renewed = isRenewable ? "renewed before" : "not renewable";
  return [
    ["Signed in", `at ${issuer}${whom}, ${ago(since, nowMs)} ago`],
    ...(expiresAt === undefined ? [] : [["Credential", `until ${expiresAt}, ${renewed}`] as const]),
    ...(scope === undefined ? [] : [["Rights", scope] as const]),
    ...(trouble === undefined ? [] : [["Sign-in", `${trouble.sentence} (${trouble.code})`] as const]),
  ];
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
