// Decides whether a request belongs to a live session, and how it is refused if not. Runs nothing and writes nothing.
import type { IncomingHttpHeaders } from "node:http";
import { errorOf, type Incoming, invalidRequest, isRequest, resultOf } from "./json-rpc.ts";
import { type Reply, refusal } from "./reply.ts";
import { type Refused, refusalFor, type Shape, shapes } from "./shapes.ts";
import { type Death, deathAs, forgetSession, openSession, type Session, type World } from "./world.ts";

/** What was asked: the messages of a POST, or none for GET and DELETE. */
export interface Asked {
  readonly http: string;
  readonly headers: IncomingHttpHeaders;
  readonly batch: boolean;
  readonly messages: readonly Incoming[];
}

export type Admission =
  | { readonly session: Session; readonly isNew: boolean; readonly refused?: never }
  | { readonly refused: Reply };

/** Node joins what a header repeats, except for a few that are none of these. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

export function admit(world: World, asked: Asked): Admission {
  const id = headerOf(asked.headers, "mcp-session-id");
  const initialize = asked.messages.find((message) => message.method === "initialize");
  if (id === undefined) {
    if (initialize === undefined || asked.batch)
      return { refused: refusal(400, -32000, "Bad Request: Mcp-Session-Id header is required") };
    return beginSession(world, initialize);
  }
  const session = world.sessions.get(id);
  if (session === undefined) return admitDead(world, asked, id);
  if (initialize !== undefined)
    return { refused: refusal(400, invalidRequest, "Invalid Request: Server already initialized") };
  return checkVersion(world, asked, session);
}

function beginSession(world: World, initialize: Incoming): Admission {
  const session = openSession(world, initialize.params);
  if (session === undefined) return { refused: refusal(503, -32000, "Too many sessions") };
  const { forgetAlways } = world.settings;
  if (forgetAlways !== undefined) forgetSession(world, session, forgetAlways);
  return { session, isNew: true };
}

function checkVersion(world: World, asked: Asked, session: Session): Admission {
  const version = headerOf(asked.headers, "mcp-protocol-version");
  const offered = world.settings.protocolVersions;
  if (version !== undefined && !offered.includes(version)) {
    const known = offered.join(", ");
    const message = `Bad Request: Unsupported protocol version: ${version} (supported versions: ${known})`;
    return { refused: refusal(400, -32000, message) };
  }
  if (asked.batch && session.protocolVersion !== "2025-03-26")
    return { refused: refusal(400, invalidRequest, "Invalid Request: batches ended with 2025-03-26") };
  return { session, isNew: false };
}

/** An id that was never issued is refused as the TypeScript SDK does it. */
function admitDead(world: World, asked: Asked, id: string): Admission {
  const death = world.dead.get(id) ?? deathAs("404-json");
  const shape: Shape = shapes[death.shape];
  if (shape.silent === true && !asked.messages.some((message) => message.method === "initialize")) {
    const reborn = openSession(world, { protocolVersion: asked.headers["mcp-protocol-version"] }, id);
    if (reborn === undefined) return { refused: refusal(503, -32000, "Too many sessions") };
    reborn.initialized = true;
    world.dead.delete(id);
    return { session: reborn, isNew: false };
  }
  return { refused: refuseDead(shape, death, asked, id) };
}

function refuseDead(shape: Shape, death: Death, asked: Asked, sessionId: string): Reply {
  const request = asked.messages.find(isRequest);
  if (death.answersPing && request?.method === "ping") return asJson(JSON.stringify(resultOf(request.id, {})));
  const { status, contentType, body } = refusalFor(shape, asked.http);
  // An error inside a 200 answers a request; to a notification there is nothing to answer.
  if (asked.http === "POST" && status === 200 && request === undefined) return { status: 202, body: "" };
  if (shape.silent === true)
    return asJson(JSON.stringify(errorOf(request?.id ?? null, invalidRequest, "Server already initialized")));
  const refused: Refused = { id: request?.id, method: request?.method ?? asked.http, sessionId };
  return { status, contentType, body: body(refused) };
}

const asJson = (body: string): Reply => ({ status: 200, contentType: "application/json", body });
