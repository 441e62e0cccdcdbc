// Front mode, every exchange that belongs to no session: an ordinary reverse proxy, so that the server's own OAuth, health checks and pages work
// unchanged. The one thing added: a request that the server was not there to take waits for it.
import type { IncomingMessage, ServerResponse } from "node:http";
import { ProxyError } from "../../errors/index.ts";
import { answerFailure, clientHeaders, passedHeaders, type RequestBody } from "../relay/index.ts";
import { type Connector, connectFault, isGatewayAway, isNotSendable } from "../session/index.ts";
import type { Reply } from "../transport/index.ts";
import { HttpClientConnection } from "./client-connection.ts";
import { type Forwarding, passThroughHeaders } from "./forward-headers.ts";
import { plainExchange } from "./plain-exchange.ts";
import type { ExchangeNotes } from "./request-record.ts";

/** A body up to this size is read first, so that it can be sent when the server is back; a larger one flows. */
const keptBodyBytes = 64 * 1024;

/** An exchange at the MCP endpoint that is the server's own business after all, and its body where that has been read already. */
export interface AtEndpoint {
  readonly body: RequestBody | undefined;
}

/** Serves one exchange. `bodyIdleMs`: how long a client may send nothing of a body that is waited for. Never rejects. */
export async function passThrough(
  connector: Connector,
  forwarding: Forwarding,
  bodyIdleMs: number,
  request: IncomingMessage,
  response: ServerResponse,
  notes: ExchangeNotes,
  at?: AtEndpoint,
): Promise<void> {
  const connection = new HttpClientConnection(response);
  const gone = new AbortController();
  connection.onGone(() => gone.abort());
  try {
    const body = at?.body ?? (await readSmall(request, bodyIdleMs));
    if (body?.stream !== undefined && at?.body === undefined)
      watchFlow(request, bodyIdleMs, () => gone.abort(bodyTimeout(bodyIdleMs)));
    const reply = await send(connector, request, passThroughHeaders(request, forwarding), body, gone.signal);
    // A session's id at the endpoint is the server's, which no client is to see; on another path it is another endpoint's, and none of our business.
    const passed = at === undefined ? passedHeaders(reply.headers) : clientHeaders(reply.headers, true);
    if (!connection.gone) relay(reply, passed, connection);
  } catch (error) {
    answerFailure(plainExchange(connection, notes), [], error);
  }
}

/** @throws ProxyError if no answer came */
async function send(
  connector: Connector,
  request: IncomingMessage,
  headers: string[],
  body: RequestBody | undefined,
  signal: AbortSignal,
): Promise<Extract<Reply, { kind: "reply" }>> {
  const { availability, nowMs, settings, transport } = connector;
  const deadlineMs = nowMs() + settings.recoveryWindowMs;
  for (let inVain = 0; ; ) {
    // A gateway's 502 or 503 may be about the MCP endpoint alone; only a server that takes no connection is waited for.
    const outcome = availability.away?.status === undefined ? await availability.up(deadlineMs, inVain++) : "up";
    if (outcome !== "up") throw new ProxyError(outcome.code, { connector: settings.name, note: outcome.detail });
    const reply = await transport.sendTo(request.url ?? "/", {
      method: "GET",
      verb: request.method ?? "GET",
      headers,
      body: body?.kept ?? body?.stream,
      signal,
    });
    if (reply.kind === "reply") {
      if (!isGatewayAway(reply.status)) availability.answered();
      return reply;
    }
    const note = reply.cause.message;
    if (signal.reason instanceof ProxyError) throw signal.reason;
    if (reply.sent === "maybe") throw new ProxyError("OUTCOME_UNKNOWN", { connector: settings.name, note });
    if (signal.aborted) throw new ProxyError("REQUEST_CANCELLED", {});
    const { code, detail } = connectFault(reply.cause);
    if (isNotSendable(reply.cause)) throw new ProxyError(code, { connector: settings.name, note: detail });
    availability.failed(code, detail);
    // A body that flows went into the refused connection.
    if (body?.stream !== undefined) throw new ProxyError(code, { connector: settings.name, note: detail });
  }
}

function relay(reply: Extract<Reply, { kind: "reply" }>, passed: string[], connection: HttpClientConnection): void {
  const length = reply.headers["content-length"];
  connection.head(reply.status, length === undefined ? passed : [...passed, "content-length", String(length)]);
  reply.body.pipe({
    data(chunk) {
      if (connection.write(chunk)) return true;
      connection.onDrain(() => reply.body.resume());
      return false;
    },
    end: () => connection.end(),
    cut: () => connection.destroy(),
  });
}

async function readSmall(request: IncomingMessage, bodyIdleMs: number): Promise<RequestBody | undefined> {
  const { "content-length": contentLength, "transfer-encoding": encoding } = request.headers;
  if (contentLength === undefined && encoding === undefined) return undefined;
  if (contentLength === undefined || Number(contentLength) > keptBodyBytes) return { stream: request, contentLength };
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    const idle = setTimeout(() => reject(bodyTimeout(bodyIdleMs)), bodyIdleMs);
    request.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      idle.refresh();
    });
    request
      .once("end", resolve)
      .once("error", () => reject(new ProxyError("BODY_TIMEOUT", { note: "The connection broke." })))
      .once("close", () => clearTimeout(idle));
  });
  return { kept: Buffer.concat(chunks) };
}

/** Calls back once if a body that is asked for does not come: between one and two times `idleMs` after its last byte. */
function watchFlow(request: IncomingMessage, idleMs: number, onIdle: () => void): void {
  let before = request.socket.bytesRead;
  const look = setInterval(() => {
    const { bytesRead } = request.socket;
    const isAwaited = request.readableFlowing === true && !request.complete;
    if (isAwaited && bytesRead === before) {
      clearInterval(look);
      onIdle();
    }
    before = bytesRead;
  }, idleMs);
  request.once("end", () => clearInterval(look)).once("close", () => clearInterval(look));
}

function bodyTimeout(idleMs: number): ProxyError {
  return new ProxyError("BODY_TIMEOUT", { note: `Nothing came for ${idleMs} ms.` });
}
