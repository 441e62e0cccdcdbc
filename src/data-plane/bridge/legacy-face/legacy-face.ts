// Presents a modern server as a legacy Streamable HTTP server: opens sessions from `server/discover`, holds them, and answers for itself what the modern era has no word for.
import type { Readable } from "node:stream";
import {
  isPrivateId,
  memberText,
  type RawId,
  rpcCode,
  scanEnvelope,
  sessionIdHeader,
} from "../../../protocol/index.ts";
import { PushBody, type Reply, type WireRequest, wholeReply } from "../../transport/index.ts";
import { readInitialize, stringOf } from "../translate/client-facts.ts";
import { errorResponse, rpcError } from "../translate/errors.ts";
import { cancelledId, isLogLevel } from "../translate/notifications.ts";
import { legacyLocalAnswer, splitBatch } from "../translate/requests.ts";
import { discoverToInitialize } from "../translate/server-facts.ts";
import { FaceCall } from "./face-call.ts";
import { FaceListen } from "./face-listen.ts";
import {
  accepted,
  errorReply,
  messageReply,
  passedRefusal,
  pushMessage,
  resultReply,
  sessionNotFound,
  streamHeaders,
  tooLarge,
} from "./face-replies.ts";
import { discover, type FaceParts, FaceSession } from "./face-session.ts";
import { isForeign } from "./modern-reply.ts";

export const batchMax = 100;
/** Requests of one batch under way at a time. */
const batchAtOnce = 8;
/** How often it is looked whether a moved session has answered its calls. */
const retireCheckMs = 100;

export class LegacyFace {
  readonly #parts: FaceParts;
  readonly #sessions = new Map<string, { readonly session: FaceSession; readonly listen: FaceListen }>();

  constructor(parts: FaceParts) {
    this.#parts = parts;
  }

  /** Answers a client's `initialize`. "foreign" if the server turns out to be no modern one. */
  async open(request: WireRequest): Promise<Reply | "foreign"> {
    const text = (await bytesOf(request.body)).toString();
    const id = memberText(text, "id") ?? "null";
    const client = readInitialize(text);
    const outcome = await discover(this.#parts, client, request.headers, request.signal);
    switch (outcome.kind) {
      case "lost":
        return outcome;
      case "cut":
        return { kind: "lost", sent: "maybe", cause: outcome.cause };
      case "too-large":
        return messageReply(tooLarge(id));
      case "refused":
        if (isForeign(outcome)) return "foreign";
        return passedRefusal(outcome) ?? errorReply(id, rpcCode.internal, `The server answered ${outcome.status}.`);
      case "error":
        return isForeign(outcome) ? "foreign" : this.#refuse(id, outcome.error);
      case "result":
        break;
    }
    const capabilities = memberText(outcome.result, "capabilities") ?? "{}";
    const session = new FaceSession(this.#parts, client, capabilities);
    this.#sessions.set(session.id, { session, listen: new FaceListen(session, () => this.#foreign()) });
    return resultReply(id, discoverToInitialize(outcome.result, client.revision), { [sessionIdHeader]: session.id });
  }

  /** One exchange of a session that was opened here. */
  async send(sessionId: string, request: WireRequest): Promise<Reply> {
    const found = this.#sessions.get(sessionId);
    if (found === undefined) return sessionNotFound();
    if (request.method === "GET") return found.listen.attach(request.headers, request.signal);
    if (request.method === "DELETE") {
      this.#drop(sessionId, new Error("the session was ended"));
      return wholeReply(200, "", "");
    }
    const body = await bytesOf(request.body);
    const scanned = scanEnvelope(body);
    const text = body.toString();
    if (scanned.shape === "single") return this.#message(found, text, request);
    if (scanned.shape === "batch") return this.#batch(found, splitBatch(text), request);
    return errorReply("null", rpcCode.invalidRequest, scanned.reason);
  }

  /** What is under way of a session that was moved to another ends there. */
  retire(sessionId: string): void {
    const found = this.#sessions.get(sessionId);
    if (found === undefined) return;
    found.listen.end();
    const wait = setInterval(() => {
      if (found.session.calls.size > 0) return;
      clearInterval(wait);
      this.#drop(sessionId, new Error("the session was moved"));
    }, retireCheckMs).unref();
  }

  /** The server is of the other era now: every session is over. */
  #foreign(): void {
    const cause = new Error("the server changed its era");
    // What is under way learns it from its own answer.
    for (const { listen } of this.#sessions.values()) listen.cut(cause);
    this.#sessions.clear();
  }

  /** Holdfast ends. */
  dropAll(cause: Error): void {
    for (const id of this.#sessions.keys()) this.#drop(id, cause);
  }

  #drop(sessionId: string, cause: Error): void {
    const found = this.#sessions.get(sessionId);
    this.#sessions.delete(sessionId);
    found?.listen.cut(cause);
    for (const call of found?.session.calls.values() ?? []) call.lose(cause);
  }

  /** Nothing in common: said as the legacy era says it, with what the server speaks. */
  #refuse(id: RawId, error: string): Reply {
    const supported = memberText(error, "data", "supported");
    if (supported === undefined) return wholeReply(200, "application/json", errorResponse(id, error));
    const data = `{"supported":${supported}}`;
    return errorReply(id, rpcCode.invalidParams, "The server speaks no revision that Holdfast knows.", data);
  }

  #message(
    found: { session: FaceSession; listen: FaceListen },
    text: string,
    request: WireRequest,
  ): Promise<Reply> | Reply {
    const { session, listen } = found;
    const scanned = scanEnvelope(Buffer.from(text));
    if (scanned.shape !== "single") return errorReply("null", rpcCode.invalidRequest, "This is no JSON-RPC message.");
    const { kind, id = "null", method = "" } = scanned.envelope;
    if (kind === "result" || kind === "error") {
      session.asks.get(id)?.(text);
      return accepted();
    }
    const local = legacyLocalAnswer(method);
    if (kind === "notification") {
      if (local === undefined) return this.#notify(session, text, request);
      if (local === "cancel") session.calls.get(cancelledId(text) ?? "")?.cancel();
      return accepted();
    }
    switch (local) {
      case undefined:
        break;
      case "set-level":
        return setLevel(session, id, text);
      case "subscribe":
        return subscribe(session, listen, id, text, request.headers);
      case "unsubscribe":
        session.uris.delete(uriOf(text));
        void listen.update(request.headers);
        return resultReply(id, "{}");
      case "empty-result":
        return isPrivateId(id) ? this.#isThere(session, id, request) : resultReply(id, "{}");
      default:
        return errorReply(id, rpcCode.methodNotFound, "Method not found");
    }
    const onForeign = (): void => this.#foreign();
    return new FaceCall({ session, request: text, id, method, headers: request.headers, onForeign }).run();
  }

  /** Holdfast asks after trouble whether the session is still good: it is, if the server still is of this era. */
  async #isThere({ client }: FaceSession, id: RawId, request: WireRequest): Promise<Reply> {
    const outcome = await discover(this.#parts, client, request.headers, request.signal);
    if (outcome.kind === "lost") return outcome;
    if (outcome.kind === "cut") return { kind: "lost", sent: "maybe", cause: outcome.cause };
    if (!isForeign(outcome)) return resultReply(id, "{}");
    this.#foreign();
    return sessionNotFound();
  }

  async #notify(session: FaceSession, text: string, request: WireRequest): Promise<Reply> {
    const reply = await session.send(text, request.headers, {});
    if (reply.kind === "lost") return reply;
    reply.body.abort();
    // 404 would mean the session.
    return reply.status === 401 || reply.status === 403 || reply.status >= 500 ? reply : accepted();
  }

  /** Each message by itself, answers in the order in which they come. */
  async #batch(
    found: { session: FaceSession; listen: FaceListen },
    messages: readonly string[],
    request: WireRequest,
  ): Promise<Reply> {
    if (messages.length > batchMax)
      return errorReply("null", rpcCode.invalidRequest, `A batch may hold at most ${batchMax} messages.`);
    const isRequest = (text: string): boolean =>
      memberText(text, "method") !== undefined && memberText(text, "id") !== undefined;
    const requests = messages.filter(isRequest);
    for (const text of messages.filter((each) => !isRequest(each))) await this.#message(found, text, request);
    if (requests.length === 0) return accepted();
    const stream = new PushBody();
    void this.#answerAll(found, requests, request, stream).then(() => stream.finish());
    return { kind: "reply", status: 200, headers: streamHeaders, body: stream };
  }

  async #answerAll(
    found: { session: FaceSession; listen: FaceListen },
    requests: readonly string[],
    request: WireRequest,
    stream: PushBody,
  ): Promise<void> {
    const left = [...requests];
    const work = async (): Promise<void> => {
      for (let text = left.shift(); text !== undefined; text = left.shift()) {
        const reply = await this.#message(found, text, request);
        await forward(reply, memberText(text, "id") ?? "null", stream);
      }
    };
    await Promise.all(Array.from({ length: batchAtOnce }, work));
  }
}

function setLevel(session: FaceSession, id: RawId, text: string): Reply {
  const level = stringOf(memberText(text, "params", "level")) ?? "";
  if (!isLogLevel(level)) return errorReply(id, rpcCode.invalidParams, "This is no log level.");
  session.logLevel = level;
  return resultReply(id, "{}");
}

/** Answers once the server has said that it will tell of this resource. */
async function subscribe(
  session: FaceSession,
  listen: FaceListen,
  id: RawId,
  text: string,
  headers: readonly string[],
): Promise<Reply> {
  const uri = uriOf(text);
  session.uris.add(uri);
  const outcome = await listen.update(headers);
  if (outcome.kind === "open" && outcome.granted.resourceSubscriptions.includes(uri)) return resultReply(id, "{}");
  session.uris.delete(uri);
  if (outcome.kind === "not-open") return outcome.reply;
  return errorReply(id, rpcCode.invalidParams, "The server does not announce changes of this resource.");
}

function uriOf(text: string): string {
  return stringOf(memberText(text, "params", "uri")) ?? "";
}

/** Passes one answer of a batch into the stream of all. Chunks of the bridge's own streams are whole events. */
function forward(reply: Reply, id: RawId, stream: PushBody): Promise<void> {
  const fail = (message: string): void => pushMessage(stream, errorResponse(id, rpcError(rpcCode.internal, message)));
  if (reply.kind === "lost") {
    fail(`The outcome is unknown: ${reply.cause.message}`);
    return Promise.resolve();
  }
  const isStream = reply.headers["content-type"] === "text/event-stream";
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    reply.body.pipe({
      data: (chunk) => {
        if (isStream) stream.push(chunk);
        else chunks.push(chunk);
        return true;
      },
      end: () => {
        if (!isStream && reply.status === 200) pushMessage(stream, Buffer.concat(chunks).toString());
        else if (!isStream) fail(`The server answered ${reply.status}.`);
        resolve();
      },
      cut: (cause) => {
        fail(`The outcome is unknown: ${cause.message}`);
        resolve();
      },
    });
  });
}

async function bytesOf(body: Uint8Array | Readable | undefined): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
