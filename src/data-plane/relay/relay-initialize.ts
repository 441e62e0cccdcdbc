// Relays a client's initialize: the server's answer passes unchanged, but the session id the client gets is ours.
import { ProxyError } from "../../errors/index.ts";
import { accepting, type ClientSessionId, isFaceSession, mediaType, sessionIdHeader } from "../../protocol/index.ts";
import {
  AwaitedAnswer,
  asObject,
  connectFault,
  endUpstreamSession,
  isGatewayAway,
  isGatewayTimeout,
  isNotSendable,
  type JsonObject,
  matching,
  parseObject,
  readCookies,
  readServerFacts,
  refusedCredential,
  type SessionManager,
  type Snapshot,
  staleCookies,
  type UpstreamSession,
} from "../session/index.ts";
import { type Reply, type ReplyBody, WireFault } from "../transport/index.ts";
import { answerError } from "./answer-error.ts";
import { type ClientConnection, type ClientExchange, requestIds } from "./client-exchange.ts";
import { EventCutter } from "./event-cutter.ts";
import { DirectOut } from "./event-out.ts";
import { clientHeaders } from "./headers.ts";
import { EndingPost, Leaving } from "./leaving.ts";
import { readRefusal } from "./read-refusal.ts";
import { withWholeBody } from "./whole-body.ts";

/** An InitializeResult is small; one that is larger is passed on unread and its session is not restorable beyond a plain initialize. */
const resultBytes = 1024 * 1024;
const initializeBytes = 1024 * 1024;
const tooLong = "An initialize request is kept as long as its session lives, and may have 1 MiB.";
const mostSends = 2;
/** The client has left. An answer that still comes names a session that can be ended; one that does not come is not waited for. */
const abandonMs = 30_000;

type Replied = Extract<Reply, { kind: "reply" }>;

/** What was read of an answer that is no refusal. */
interface Read {
  readonly chunks: readonly Buffer[];
  readonly complete: boolean;
  readonly message: JsonObject | undefined;
  /** It broke off before the answer was there. */
  readonly torn: boolean;
}

/** `adoptAs`: the id under which an adopted session is opened instead of a new one. Never rejects. */
export async function relayInitialize(
  given: ClientExchange,
  sessions: SessionManager,
  principal: string,
  adoptAs?: ClientSessionId,
): Promise<void> {
  let exchange = given;
  try {
    sessions.assertRoom();
    // A restore sends it again, byte for byte.
    exchange = await withWholeBody(given, initializeBytes, tooLong);
    const { reply, read } = await sendInitialize(exchange, sessions);
    if (read === undefined) await refuse(exchange, sessions, reply);
    else await open(exchange, sessions, principal, reply, read, adoptAs);
  } catch (error) {
    answerError(exchange, requestIds(exchange), ProxyError.from(error));
  }
}

/** Opening a session twice does no harm (the first is never used), so a server that is away is waited for whatever happened. */
async function sendInitialize(
  exchange: ClientExchange,
  sessions: SessionManager,
): Promise<{ readonly reply: Replied; readonly read?: Read }> {
  const { connector } = sessions;
  const { settings, availability, nowMs, transport } = connector;
  const startedMs = nowMs();
  const headers = [...accepting, ...exchange.headers, "content-type", exchange.contentType];
  const leaving = new Leaving();
  exchange.connection.onGone(() => setTimeout(() => leaving.leave(), abandonMs).unref());
  for (let sends = 0, inVain = 0; ; ) {
    const body = exchange.body?.kept ?? exchange.body?.stream;
    const reply = await transport.send(new EndingPost(headers, body, leaving));
    // A gateway that says the server is away has passed nothing on; anything else may have opened a session.
    if (reply.kind === "reply" ? !isAway(reply.status) : reply.sent === "maybe") sends += 1;
    let fault = awayFault(reply);
    if (reply.kind === "reply" && !isAway(reply.status)) {
      availability.answered();
      if (reply.status >= 300) return { reply };
      const read = await readUntilAnswer(reply, idOf(exchange));
      if (!read.torn || sends >= mostSends || body !== exchange.body?.kept) return { reply, read };
      fault = { code: "UPSTREAM_CUT", detail: "The answer to initialize broke off." };
    }
    // Waiting brings no command, and no answer, into being.
    if (
      reply.kind === "lost" &&
      ((reply.cause instanceof WireFault && reply.cause.final) || isNotSendable(reply.cause))
    )
      throw new ProxyError(fault.code, { connector: settings.name, tried: "initialize", note: fault.detail });
    if (reply.kind === "reply" && isAway(reply.status) && (await hasOwnError(reply))) return { reply };
    if (exchange.connection.gone) throw new ProxyError("REQUEST_CANCELLED", {});
    availability.failed(fault.code, fault.detail, reply.kind === "reply" ? reply.status : undefined);
    const outcome =
      sends >= mostSends ? availability.away : await availability.up(startedMs + settings.recoveryWindowMs, inVain++);
    if (outcome === "up" || outcome === undefined) continue;
    const waitedMs = Math.round(nowMs() - startedMs);
    const details = { connector: settings.name, tried: "initialize", waitedMs, note: outcome.detail };
    throw new ProxyError(outcome.code, details);
  }
}

function isAway(status: number): boolean {
  return isGatewayAway(status) || isGatewayTimeout(status);
}

function idOf({ body }: ClientExchange): string | number {
  return parseObject(body?.kept?.toString() ?? "")?.["id"] as string | number;
}

function awayFault(reply: Reply): ReturnType<typeof connectFault> {
  if (reply.kind === "reply") return { code: "UPSTREAM_UNAVAILABLE", detail: `It answers ${reply.status}.` };
  return reply.sent === "maybe" && !(reply.cause instanceof WireFault)
    ? { code: "UPSTREAM_CUT", detail: reply.cause.message }
    : connectFault(reply.cause);
}

/** A 503 with a JSON-RPC error is the server's own word, not a gateway's. */
async function hasOwnError(reply: Replied): Promise<boolean> {
  await reply.body.ready();
  const text = Buffer.concat(reply.body.arrived).toString();
  const own = asObject(parseObject(text)?.["error"]) !== undefined;
  if (!own) reply.body.abort();
  return own;
}

async function refuse(exchange: ClientExchange, sessions: SessionManager, reply: Replied): Promise<void> {
  const { settings } = sessions.connector;
  const facts = await readRefusal(reply);
  const details = { connector: settings.name, upstream: facts };
  if (!settings.front && facts.status === 404) throw new ProxyError("UPSTREAM_NOT_FOUND", details);
  if (!settings.front && facts.status < 400) throw new ProxyError("UPSTREAM_MOVED", details);
  if (!settings.front && (facts.status === 401 || (facts.status === 403 && facts.challenged))) {
    const { code, note } = refusedCredential(sessions.connector);
    throw new ProxyError(code, { ...details, note });
  }
  const body = Buffer.from(facts.body);
  const headers = clientHeaders(reply.headers, settings.front);
  exchange.connection.head(facts.status, [...headers, "content-length", String(body.length)]);
  exchange.connection.end(body);
}

async function open(
  exchange: ClientExchange,
  sessions: SessionManager,
  principal: string,
  reply: Replied,
  { chunks, complete, message: answer }: Read,
  adoptAs: ClientSessionId | undefined,
): Promise<void> {
  const initialize = exchange.body?.kept?.toString() ?? "";
  const headers = clientHeaders(reply.headers, sessions.connector.settings.front);
  const result = asObject(answer?.["result"]);
  // A JSON-RPC error, or nothing at all: the server opened no session, so there is none to keep.
  if (result === undefined && answer === undefined && complete) {
    throw new ProxyError("INITIALIZE_FAILED", {
      connector: sessions.connector.settings.name,
      upstream: { status: reply.status },
    });
  }
  if (result !== undefined) {
    const snapshot = newSnapshot(initialize, result, readCookies(reply.headers["set-cookie"]));
    if (snapshot.cookies !== undefined && sessions.connector.settings.front)
      snapshot.staleCookies = staleCookies(undefined, exchange.headers);
    const issued = reply.headers[sessionIdHeader];
    const upstreamId = Array.isArray(issued) ? issued[0] : issued;
    const session = await openOrEnd(exchange, sessions, principal, snapshot, upstreamId, adoptAs);
    session.acceptedHeaders = exchange.headers;
    // The client left without having been given the id: nobody will ever use this session.
    if (exchange.connection.gone && adoptAs === undefined) session.close("client");
    exchange.outcome.sessionHash = session.shortHash;
    if (isFaceSession(upstreamId)) exchange.outcome.eraPair = "LM";
    headers.push(sessionIdHeader, session.id);
  }
  pass(exchange, headers, reply, chunks, complete);
}

/** Others may have taken the last place meanwhile: the server then need not keep a session that nobody gets. */
async function openOrEnd(
  exchange: ClientExchange,
  sessions: SessionManager,
  principal: string,
  snapshot: Snapshot,
  upstreamId: string | undefined,
  adoptAs: ClientSessionId | undefined,
): Promise<UpstreamSession> {
  try {
    return await sessions.open(principal, snapshot, upstreamId, adoptAs);
  } catch (error) {
    const { serverVersion: version, cookies } = snapshot;
    void endUpstreamSession(sessions.connector, { headers: exchange.headers, upstreamId, version, cookies });
    throw error;
  }
}

function newSnapshot(
  initialize: string,
  result: Readonly<Record<string, unknown>>,
  cookies: string | undefined,
): Snapshot {
  const facts = readServerFacts(result);
  return {
    initialize,
    clientVersion: facts.version,
    serverVersion: facts.version,
    serverDigest: facts.digest,
    announces: facts.announces,
    initialized: false,
    stream: false,
    subscriptions: [],
    lists: {},
    ...(cookies === undefined ? {} : { cookies }),
  };
}

function pass(
  exchange: ClientExchange,
  headers: string[],
  reply: Replied,
  chunks: readonly Buffer[],
  complete: boolean,
): void {
  const { connection } = exchange;
  if (mediaType(reply.headers["content-type"]) === "text/event-stream")
    return passEvents(connection, headers, reply, chunks, complete);
  const body = Buffer.concat(chunks);
  if (complete) headers.push("content-length", String(body.length));
  connection.head(reply.status, headers);
  if (complete) {
    connection.end(body);
    return;
  }
  connection.write(body);
  connection.onGone(() => reply.body.abort());
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

/** The server's own event ids stay on its side; a client that loses this answer initializes again. */
function passEvents(
  connection: ClientConnection,
  headers: readonly string[],
  { status, body }: Replied,
  chunks: readonly Buffer[],
  complete: boolean,
): void {
  connection.head(status, headers);
  const out = new DirectOut(connection);
  const cutter = new EventCutter({
    event: (_event, pieces) => out.event(pieces),
    between: (bytes) => out.between(bytes),
    part: (pieces) => out.part(pieces),
    lastPart: (_event, pieces) => out.lastPart(pieces),
  });
  for (const chunk of chunks) cutter.push(chunk);
  const end = (): void => {
    cutter.end();
    out.breakPart();
    out.end();
  };
  if (complete) return end();
  connection.onGone(() => body.abort());
  body.pipe({
    data(chunk) {
      cutter.push(chunk);
      if (out.flowing) return true;
      out.whenFlowing(() => body.resume());
      return false;
    },
    end,
    cut: () => connection.destroy(),
  });
}

/** Reads until the answer to `id` is there, the body ends, or it has grown beyond any InitializeResult. */
async function readUntilAnswer(reply: Replied, id: string | number): Promise<Read> {
  const body: ReplyBody = reply.body;
  const chunks: Buffer[] = [];
  const isStream = mediaType(reply.headers["content-type"]) === "text/event-stream";
  const awaited = isStream ? new AwaitedAnswer(id, resultBytes) : undefined;
  let size = 0;
  const end = await new Promise<"more" | "ended" | "cut">((resolve) => {
    body.pipe({
      data(chunk) {
        chunks.push(chunk);
        size += chunk.length;
        awaited?.push(chunk);
        if (awaited?.found === undefined && size < resultBytes) return true;
        resolve("more");
        return false;
      },
      end: () => {
        awaited?.end();
        resolve("ended");
      },
      cut: () => resolve("cut"),
    });
  });
  const message = isStream ? awaited?.found : matching(parseObject(Buffer.concat(chunks).toString()), id);
  const torn = message === undefined && (end === "cut" || (end === "ended" && isStream));
  return { chunks, complete: end !== "more", message, torn };
}
