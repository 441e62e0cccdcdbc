// The fresh initialize: the proof that a session is lost and the first step of bringing it back. Always without the old id.
import { sessionIdHeader } from "../../protocol/index.ts";
import { classifyInitialize } from "../recovery/index.ts";
import { type ReplyHeaders, type Transport, WireFault } from "../transport/index.ts";
import { connectFault, isNotSendable } from "./availability.ts";
import { type CallContext, type CallOutcome, callServer, contextHeaders } from "./call-server.ts";
import { type Connector, refusedCredential, type Trouble } from "./connector.ts";
import { digestOf } from "./digest.ts";
import { type JsonObject, parseObject } from "./read-answer.ts";
import { readCookies } from "./session-cookies.ts";
import type { ListMethod } from "./snapshot.ts";

/** An initialize that takes longer is taken for a server that does not answer. */
export const initializeTimeoutMs = 30_000;

/** What an InitializeResult says that recovery needs. */
export interface ServerFacts {
  readonly serverInfo: JsonObject | undefined;
  readonly version: string;
  readonly digest: string;
  readonly announces: readonly ListMethod[];
}

export interface Fresh extends ServerFacts {
  readonly upstreamId: string | undefined;
  readonly cookies: string | undefined;
}

/** A refusal that a front-mode client must see as the server gave it. */
export interface Refusal {
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly body: string;
}

export type InitializeOutcome =
  | { readonly kind: "fresh"; readonly fresh: Fresh }
  /** Nobody is there to ask: wait and try again. */
  | { readonly kind: "away"; readonly trouble: Trouble }
  /** It is there and opens no more for now: try again later. `retryAfterMs`: as it says, 0 if it does not. */
  | { readonly kind: "busy"; readonly trouble: Trouble; readonly retryAfterMs: number }
  | { readonly kind: "failed"; readonly trouble: Trouble; readonly refusal?: Refusal | undefined };

/** Sends the client's own initialize again, byte for byte, without any session id and without Mcp-Protocol-Version. */
export async function initializeAnew(
  connector: Connector,
  initialize: string,
  headers: readonly string[],
  onNewConnection = false,
): Promise<InitializeOutcome> {
  const id = parseObject(initialize)?.["id"];
  const context: CallContext = { headers };
  // Whoever waits for the session is sent beside notifications/initialized.
  const transport: Pick<Transport, "send"> = {
    send: (request) => connector.transport.send({ ...request, twoFollow: true, onNewConnection }),
  };
  const outcome = await callServer(transport, context, initialize, id as string | number, initializeTimeoutMs);
  return readOutcome(outcome, connector);
}

function readOutcome(outcome: CallOutcome, connector: Connector): InitializeOutcome {
  if (outcome.kind === "lost") {
    const { cause } = outcome;
    const trouble: Trouble =
      cause instanceof WireFault
        ? { ...connectFault(cause), final: cause.final }
        : outcome.sent === "nothing"
          ? { ...connectFault(cause), final: isNotSendable(cause) }
          : {
              code: "SESSION_NOT_RESTORED",
              detail: `The connection broke during initialize (${outcome.cause.message}).`,
            };
    return { kind: "away", trouble };
  }
  const result = outcome.kind === "answer" ? asObject(outcome.result) : undefined;
  if (result !== undefined) {
    return {
      kind: "fresh",
      fresh: {
        ...readServerFacts(result),
        upstreamId: one(outcome.headers[sessionIdHeader]),
        cookies: readCookies(outcome.headers["set-cookie"]),
      },
    };
  }
  return refused(outcome, connector);
}

function refused(outcome: Exclude<CallOutcome, { kind: "lost" }>, connector: Connector): InitializeOutcome {
  const { facts, headers } = outcome;
  const upstream = { status: facts.status, contentType: facts.contentType, body: facts.body.slice(0, 300) };
  const refusal: Refusal = { status: facts.status, headers, body: facts.body };
  switch (classifyInitialize(facts)) {
    case "away":
      return {
        kind: "away",
        trouble: { code: "UPSTREAM_UNAVAILABLE", detail: `It answers ${facts.status}.`, upstream },
      };
    case "busy": {
      const detail = `It answers ${facts.status}.`;
      const retryAfterMs = Math.max(0, Number(one(headers["retry-after"]) ?? 0) * 1_000) || 0;
      return { kind: "busy", trouble: { code: "UPSTREAM_UNAVAILABLE", detail, upstream }, retryAfterMs };
    }
    case "not-found":
      return { kind: "failed", trouble: { code: "UPSTREAM_NOT_FOUND", upstream }, refusal };
    case "already-initialized":
      return { kind: "failed", trouble: { code: "SERVER_CANNOT_REINITIALIZE", upstream }, refusal };
    case "unauthorized": {
      const { code, note: detail } = refusedCredential(connector);
      return { kind: "failed", trouble: { code, detail, upstream }, refusal };
    }
    case "unsupported-version":
    case "refused":
      return { kind: "failed", trouble: { code: "SESSION_NOT_RESTORED", upstream }, refusal };
  }
}

/** Reads an InitializeResult as far as it matters here; anything missing is simply absent. */
export function readServerFacts(result: JsonObject): ServerFacts {
  const capabilities = asObject(result["capabilities"]) ?? {};
  const announces = (["tools", "prompts", "resources"] as const)
    .filter((kind) => asObject(capabilities[kind])?.["listChanged"] === true)
    .map((kind): ListMethod => `${kind}/list`);
  const identity = [result["serverInfo"], capabilities, result["instructions"], result["protocolVersion"]];
  const digest = digestOf(identity, 16);
  return {
    serverInfo: asObject(result["serverInfo"]),
    version: typeof result["protocolVersion"] === "string" ? result["protocolVersion"] : "2025-03-26",
    digest,
    announces,
  };
}

/** Ends a session at the server. The answer carries no information (session-loss research, rule F), so none is read. */
export async function endUpstreamSession(connector: Connector, context: CallContext): Promise<void> {
  if (context.upstreamId === undefined) return;
  const signal = AbortSignal.timeout(5_000);
  const reply = await connector.transport.send({ method: "DELETE", headers: contextHeaders(context), signal });
  if (reply.kind === "reply") reply.body.pipe({ data: () => true, end: () => {}, cut: () => {} });
}

export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
