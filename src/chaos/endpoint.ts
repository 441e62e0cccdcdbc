// The MCP endpoint: GET streams and DELETE, and POST handed on. What happens to a call is decided in post.
import type { IncomingMessage, ServerResponse } from "node:http";
import { admit, headerOf } from "./admit.ts";
import { readEventId } from "./event-stream.ts";
import { meetOnArrival } from "./perform-fault.ts";
import { handlePost } from "./post.ts";
import { refusal, writeReply } from "./reply.ts";
import {
  canPrime,
  deathAs,
  type Exchange,
  forgetSession,
  noteExchange,
  openStream,
  type Session,
  type World,
} from "./world.ts";

export async function handleMcp(world: World, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method: http = "", headers } = request;
  const exchange: Exchange = {
    http,
    method: null,
    id: null,
    session: headerOf(headers, "mcp-session-id") ?? null,
    lastEventId: headerOf(headers, "last-event-id") ?? null,
    status: null,
    response,
  };
  noteExchange(world, exchange);
  if (http === "POST") return handlePost(world, request, response, exchange);
  if (http !== "GET" && http !== "DELETE") return refuseMethod(response, "GET, POST, DELETE");
  if (await meetOnArrival(world, [http], undefined, response)) return;
  if (http === "GET" && !world.settings.getOffered) return refuseMethod(response, "POST, DELETE");
  const admission = admit(world, { http, headers, batch: false, messages: [] });
  if (admission.refused !== undefined) return writeReply(response, admission.refused);
  if (http === "GET") return openGet(world, admission.session, request, response);
  forgetSession(world, admission.session, deathAs("404-json"));
  writeReply(response, { status: 200, body: "" });
}

function refuseMethod(response: ServerResponse, allow: string): void {
  writeReply(response, { ...refusal(405, -32000, "Method not allowed."), headers: { allow } });
}

function openGet(world: World, session: Session, request: IncomingMessage, response: ServerResponse): void {
  if (!/text\/event-stream|\*\/\*/.test(request.headers.accept ?? ""))
    return writeReply(response, refusal(406, -32000, "Not Acceptable: accept text/event-stream"));
  const lastEventId = headerOf(request.headers, "last-event-id");
  if (world.resumable && lastEventId !== undefined) return resume(session, lastEventId, response);
  if (session.standalone?.attached === true)
    return writeReply(response, refusal(409, -32000, "Conflict: only one GET stream per session"));
  const stream = openStream(world, session);
  session.standalone = stream;
  stream.attach(response);
  if (canPrime(world, session)) stream.prime();
  response.once("close", () => {
    if (!world.resumable && session.standalone === stream) session.standalone = undefined;
  });
}

function resume(session: Session, lastEventId: string, response: ServerResponse): void {
  const named = readEventId(lastEventId);
  const stream = named === undefined ? undefined : session.streams.get(named.stream);
  if (named === undefined || stream?.resume(response, named.event) !== true)
    writeReply(response, refusal(400, -32000, "Bad Request: unknown event id"));
}
