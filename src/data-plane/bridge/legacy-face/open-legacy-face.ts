// The wire as legacy clients see it: raw to a server that speaks their era, over the bridge to one that does not. Decides at each `initialize`, so that a server's change of era is met by a new session.

import {
  faceIdPrefix,
  lastEventIdHeader,
  mediaType,
  methodHeader,
  protocolVersionHeader,
  scanEnvelope,
  sessionIdHeader,
} from "../../../protocol/index.ts";
import { firstMessage } from "../../session/index.ts";
import type { Reply, Transport, WireRequest } from "../../transport/index.ts";
import type { EraEvidence, EraFacts, ServerEras } from "../eras.ts";
import { sessionNotFound } from "./face-replies.ts";
import type { FaceTell } from "./face-session.ts";
import { LegacyFace } from "./legacy-face.ts";

/** What is known of the server's eras; learned from what passes here. */
export interface EraKnowledge {
  readonly now: ServerEras;
  load(): Promise<ServerEras>;
  /** An answer to a raw `initialize`, read on its way. */
  initialized(facts: EraFacts, headers: readonly string[]): Promise<void>;
  learn(evidence: EraEvidence): void;
  /** Asks the server, outside any session; what it proves is learned. */
  probe(headers: readonly string[]): Promise<unknown>;
}

export interface LegacyFaceOptions {
  readonly eras: EraKnowledge;
  readonly tell: FaceTell;
  readonly maxMessageBytes: number;
}

/** The codes with which a modern server refuses a message of the legacy era; no legacy server says them. */
const modernRefusals: ReadonlySet<unknown> = new Set([-32020, -32021, -32022]);
const mostStreams = 4_096;

/** A `Transport` in front of `upstream` through which a legacy server is reached, whatever era the server is of. */
export function openLegacyFace(upstream: Transport, options: LegacyFaceOptions): Transport {
  const { eras, tell, maxMessageBytes } = options;
  const face = new LegacyFace({ upstream, tell, maxMessageBytes });
  /** Raw sessions whose GET stream the server has granted. */
  const streaming = new Set<string>();

  const initialize = async (request: WireRequest): Promise<Reply> => {
    const known = eras.now.legacy === "unknown" ? await eras.load() : eras.now;
    if (known.legacy !== "no") {
      const reply = await upstream.send(request);
      if (reply.kind === "lost") return reply;
      await eras.initialized(await peek(reply), request.headers);
      if (eras.now.legacy !== "no") return reply;
      reply.body.abort();
    }
    const opened = await face.open(request);
    if (opened !== "foreign") return opened;
    eras.learn({ legacy: "unknown", modern: "unknown" });
    const reply = await upstream.send(request);
    if (reply.kind === "reply") await eras.initialized(await peek(reply), request.headers);
    return reply;
  };

  /** A session of a server that was legacy: is what it answers now the word of a modern one? Then the session is over. */
  const watch = async (request: WireRequest, id: string, reply: Reply): Promise<Reply> => {
    if (reply.kind === "lost" || request.method === "DELETE") return reply;
    if (request.method === "GET") {
      if (reply.status === 200) remember(streaming, id);
      // A stream that was granted and is "not allowed" now: the server has changed its mind, or is another one. It is asked which, outside the session.
      if (reply.status !== 405 || !streaming.delete(id)) return reply;
      await eras.probe(outsideSession(request.headers));
      return eras.now.modern === "yes" ? replaced(reply) : reply;
    }
    if (reply.status !== 400 && reply.status !== 404 && reply.status !== 405) return reply;
    return (await isModernRefusal(reply)) ? replaced(reply) : reply;
  };

  return {
    origin: upstream.origin,
    send(request) {
      const id = headerOf(request.headers, sessionIdHeader);
      if (id === undefined) return isInitialize(request) ? initialize(request) : upstream.send(request);
      if (id.startsWith(faceIdPrefix)) return face.send(id, request);
      return upstream
        .send(request)
        .then((reply) =>
          reply.kind === "reply" && reply.status < 400 && request.method === "POST" ? reply : watch(request, id, reply),
        );
    },
    sendTo: (path, request) => upstream.sendTo(path, request),
    get wire() {
      return upstream.wire;
    },
    renew: () => upstream.renew?.() ?? Promise.resolve(),
    retire(oldId, newId) {
      if (oldId.startsWith(faceIdPrefix)) face.retire(oldId);
      else upstream.retire?.(oldId, newId);
    },
    async [Symbol.asyncDispose]() {
      face.dropAll(new Error("Holdfast ends"));
      await upstream[Symbol.asyncDispose]();
    },
  };
}

async function isModernRefusal(reply: Extract<Reply, { kind: "reply" }>): Promise<boolean> {
  const { body } = await peek(reply);
  const error: unknown = firstMessage(body, "application/json")?.["error"];
  return modernRefusals.has(typeof error === "object" && error !== null && "code" in error ? error.code : undefined);
}

function replaced(reply: Extract<Reply, { kind: "reply" }>): Reply {
  reply.body.abort();
  return sessionNotFound();
}

const ofTheSession: ReadonlySet<string> = new Set([
  "accept",
  sessionIdHeader,
  protocolVersionHeader,
  lastEventIdHeader,
]);

/** What the caller presents, without what belongs to its session. */
function outsideSession(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const [name = "", value = ""] = headers.slice(index, index + 2);
    if (!ofTheSession.has(name)) kept.push(name, value);
  }
  return kept;
}

function remember(ids: Set<string>, id: string): void {
  ids.add(id);
  if (ids.size <= mostStreams) return;
  const [oldest] = ids;
  if (oldest !== undefined) ids.delete(oldest);
}

/** Modern messages carry a method header, and legacy ones after the first a revision: neither is looked into. */
function isInitialize({ method, headers, body }: WireRequest): boolean {
  if (method !== "POST" || !(body instanceof Uint8Array)) return false;
  if (headerOf(headers, methodHeader) !== undefined || headerOf(headers, protocolVersionHeader) !== undefined)
    return false;
  const scanned = scanEnvelope(body);
  return scanned.shape === "single" && scanned.envelope.method === "initialize";
}

function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) if (headers[index] === name) return headers[index + 1];
  return undefined;
}

/** Looks at what has arrived of a small answer without taking it. */
async function peek(reply: Extract<Reply, { kind: "reply" }>): Promise<EraFacts> {
  await reply.body.ready();
  const contentType = mediaType(reply.headers["content-type"]);
  const text = Buffer.concat(reply.body.arrived).toString();
  const message = contentType === "text/event-stream" ? firstMessage(`${text}\n\n`, contentType) : undefined;
  return { status: reply.status, contentType, body: message === undefined ? text : JSON.stringify(message) };
}
