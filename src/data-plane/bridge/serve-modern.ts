// Decides for one modern exchange whether its bytes pass to a server of the same era or go over the bridge. Reads no body.
import type { ErrorCode, ProxyError } from "../../errors/index.ts";
import { type ModernExchange, type ModernRelay, relayModern, requestIds } from "../relay/index.ts";
import { checkHeaders } from "./modern-face/check-request.ts";
import { ClientReply } from "./modern-face/client-reply.ts";
import type { ModernTools } from "./modern-tools.ts";
import type { ServerErasMemory } from "./server-eras.ts";

export interface ModernEndpoint {
  readonly eras: ServerErasMemory;
  readonly relay: ModernRelay;
  /** Serves a modern client from a legacy server. Never rejects. An error is one that a change of the server's era would explain: nothing ran. */
  readonly bridged: ((exchange: ModernExchange, principal: string) => Promise<ProxyError | undefined>) | undefined;
  /** Which headers of a tool's arguments go with a call. */
  readonly tools: ModernTools;
  /** Gives the client an error that the bridge could not explain by a change of era. */
  readonly refuse: (exchange: ModernExchange, error: ProxyError) => void;
}

/** A server that changes its era with every question is not followed for ever. */
const mostTurns = 4;

const servesNobody: ReadonlySet<string> = new Set<ErrorCode>([
  "SERVER_PROCESS_EXITED",
  "SERVER_KEEPS_EXITING",
  "SERVER_SILENT",
]);

/** Serves one POST of a modern client. Never rejects. */
export async function serveModern(endpoint: ModernEndpoint, from: ModernExchange, principal: string): Promise<void> {
  let exchange = from;
  const { eras, relay, bridged, refuse } = endpoint;
  const { transport } = relay.connector;
  for (let turn = 1; ; turn += 1) {
    const isLast = turn >= mostTurns;
    if (transport.sessionsOnly !== true && eras.now.modern === "unknown") await untilKnown(eras, exchange);
    if (bridged !== undefined && (transport.sessionsOnly === true || eras.now.modern === "no")) {
      exchange.outcome.eraPair = "ML";
      const error = await bridged(exchange, principal);
      if (error === undefined) {
        // That it ended was taken for a word of the legacy era, and may have been none.
        if (servesNobody.has(exchange.outcome.errorCode)) eras.learn({ modern: "unknown" });
        return;
      }
      // It no longer serves sessions: perhaps it was upgraded.
      const wasUpgraded = !isLast && transport.sessionsOnly !== true && (await asksAnew(endpoint, exchange)) === "yes";
      if (!wasUpgraded) return refuse(exchange, error);
      continue;
    }
    exchange.outcome.eraPair = "MM";
    if (transport.messagesOnly === true) {
      if (await refusesHeaders(endpoint, exchange)) return;
    } else if (exchange.byMessage === true && exchange.method === "tools/call")
      exchange = await endpoint.tools.withHeaders(from);
    const end = await relayModern(exchange, relay, !isLast);
    if (end.kind === "answered") return;
    const modern = await asksAnew(endpoint, exchange);
    if (end.kind === "recheck") continue;
    // Nothing was kept to send another way, or the server is of this era after all: its refusal is its own.
    const canCross = !isLast && modern === "no" && exchange.body?.kept !== undefined;
    if (!canCross) return end.pass();
  }
}

async function untilKnown(eras: ServerErasMemory, { headers }: ModernExchange): Promise<void> {
  if ((await eras.load()).modern === "unknown") await eras.probe(headers);
}

async function asksAnew({ eras }: ModernEndpoint, { headers }: ModernExchange) {
  eras.learn({ modern: "unknown" });
  await eras.probe(headers);
  return eras.now.modern;
}

/** True where the client has its answer: an HTTP server would have refused the request for its headers, and this one will not see them. */
async function refusesHeaders({ tools }: ModernEndpoint, exchange: ModernExchange): Promise<boolean> {
  const id = requestIds(exchange)[0];
  const text = exchange.body?.kept?.toString();
  if (exchange.byMessage === true || id === undefined || text === undefined) return false;
  const params = exchange.method === "tools/call" ? await tools.paramsOf(text, exchange.headers) : [];
  const refusal = checkHeaders(text, exchange.requestHeaders, params);
  if (refusal !== undefined) new ClientReply(exchange, id).finish(refusal);
  return refusal !== undefined;
}
