// Turns an answer, and what we knew when we asked, into a fault. Pure: facts first, then status, structure, and text last; it never acts.
import type { Fault, ReplyFacts, RequestFacts } from "./fault.ts";
import { type Refusal, readRefusal } from "./read-refusal.ts";
import {
  alreadyInitialized,
  doubtfulContent,
  endedWhileRunning,
  genericRefusal,
  goneAndNothingElse,
  goneWith400,
  goneWith401,
  goneWith404,
  goneWith503,
  likelyWith400,
  likelyWith422,
  likelyWith500,
  matches,
  notInitialized,
  objectAway,
  tooEarly,
  unsupportedVersion,
} from "./signals.ts";

/** Unknown method, unreadable message, header mismatch (2026-07-28): the server understood enough to refuse the message itself. */
const neverLoss: ReadonlySet<number | undefined> = new Set([-32601, -32700, -32020, -32021, -32022]);
/** The codes that servers put on a lost session and nothing else puts on an answer to our id. */
const lossCodes: ReadonlySet<number | undefined> = new Set([-32600, -32001]);
/** The codes that come with a lost session inside a 200. */
const doubtfulCodes: ReadonlySet<number | undefined> = new Set([-32600, -32001, -32002, -32602, 0]);

/** A gateway's own way to say that the server is away; 520 to 530 are Cloudflare's. */
const awayStatus: ReadonlySet<number> = new Set([502, 503, 520, 521, 522, 523, 525, 526, 527, 530]);
const timeoutStatus: ReadonlySet<number> = new Set([504, 524]);

const errorMember = Buffer.from('"error"');

/** A cheap look at bytes: may this be a JSON-RPC error? */
export function mentionsError(chunk: Buffer): boolean {
  return chunk.includes(errorMember);
}

export function classifyReply(request: RequestFacts, reply: ReplyFacts): Fault {
  // Its answers carry no information: 200, 202, 404 and 405 are all given for unknown ids.
  if (request.httpMethod === "DELETE") return "server-answered";
  const refusal = readRefusal(reply, request.id);
  if (request.method !== "initialize") return classifyRefusal(request, reply, refusal);
  // It opens a session and so cannot meet a lost one, whatever id it carried; what is in the way to the server remains.
  const fault = classifyRefusal({ ...request, sentSessionId: false }, reply, refusal);
  const inTheWay = fault === "unauthorized" || fault === "server-away" || fault === "gateway-timeout";
  return inTheWay ? fault : "server-answered";
}

export function classifyLost(lost: { readonly sent: "nothing" | "maybe" }): Fault {
  return lost.sent === "nothing" ? "not-sent" : "cut-before-answer";
}

export function classifyStreamEnd(end: {
  readonly sawAnswer: boolean;
  readonly lastEventId: string | undefined;
}): Fault {
  if (end.sawAnswer) return "server-answered";
  // An empty id resets the last event id (HTML, 9.2.6), so there is nothing to resume from.
  return end.lastEventId === undefined || end.lastEventId === "" ? "stream-cut" : "stream-cut-resumable";
}

export type InitializeVerdict =
  | "not-found"
  | "already-initialized"
  | "unauthorized"
  | "away"
  | "busy"
  | "unsupported-version"
  | "refused";

/** What an answer without a result to the fresh initialize of a restore means. */
export function classifyInitialize(reply: ReplyFacts): InitializeVerdict {
  if (reply.status === 401 || isForWantOfRights(reply)) return "unauthorized";
  // It is there, and counts how many sessions are opened at a time.
  if (reply.status === 429) return "busy";
  // Opening a session may be tried again in every case, so also a server that is only full counts as away.
  if (awayStatus.has(reply.status) || timeoutStatus.has(reply.status)) return "away";
  const refusal = readRefusal(reply, undefined);
  if (matches(alreadyInitialized, refusal.text)) return "already-initialized";
  if (matches(unsupportedVersion, refusal.text)) return "unsupported-version";
  // A 404 with "method not found" is a server that no longer knows initialize; the URL is right.
  return reply.status === 404 && refusal.code !== -32601 ? "not-found" : "refused";
}

function classifyRefusal(request: RequestFacts, reply: ReplyFacts, refusal: Refusal): Fault {
  const { status } = reply;
  // The answer is there, whatever the status.
  if (refusal.kind === "result") return "server-answered";
  if (refusedAsTooEarly(request, status, refusal)) return "not-initialized";
  if (status === 200) return inside200(request, refusal);
  if (status === 401) return with401(request, reply, refusal);
  if (isForWantOfRights(reply)) return "unauthorized";
  if (timeoutStatus.has(status)) return "gateway-timeout";
  if (awayStatus.has(status)) return whileAway(request, refusal);
  if (status === 500) return with500(request, refusal);
  if (neverLoss.has(refusal.code)) return "server-answered";
  if (status === 400 && matches(unsupportedVersion, refusal.text)) return "unsupported-version";
  if (!request.sentSessionId) return withoutId(request, status, refusal);
  if (refusal.code === -32600 && matches(doubtfulContent, refusal.text)) return "session-doubtful";
  if (status === 422) return matches(likelyWith422, refusal.text) ? "session-suspected" : "server-answered";
  // 403, 405, 406, 413, 415 and the rest are about the request, never about the session.
  if (status !== 400 && status !== 404) return "server-answered";
  if (request.httpMethod === "GET") return onStream(request, refusal);
  return status === 400 ? with400(request, refusal) : with404(request, reply, refusal);
}

/** An id that never served may be known only to another replica: one restore finds out. */
function certain(request: RequestFacts): Fault {
  return request.served ? "session-not-found" : "session-suspected";
}

/** Words alone settle it, unless the server named our request and gave it a code of its own. */
function byWords(request: RequestFacts, refusal: Refusal): Fault {
  return refusal.id === "ours" && !lossCodes.has(refusal.code) ? "session-suspected" : certain(request);
}

/** Only with words that prove the refusal came from the handshake's order: what is so classified is sent a third time. */
function refusedAsTooEarly(request: RequestFacts, status: number, refusal: Refusal): boolean {
  if (!request.mayPrecedeInitialized || (status !== 200 && status !== 400 && status !== 422)) return false;
  // Other codes inside a 200 are how a failing tool is reported.
  if (status === 200 && !doubtfulCodes.has(refusal.code)) return false;
  return matches(tooEarly, refusal.text) || (refusal.code === -32602 && matches(genericRefusal, refusal.text));
}

/** Nothing can be lost that was never given, except the handshake itself on a server that serves one client at a time. */
function withoutId(request: RequestFacts, status: number, refusal: Refusal): Fault {
  // The first stream of such a server is simply not offered.
  if (status !== 400 || (request.httpMethod === "GET" && !request.reopened)) return "server-answered";
  return matches(notInitialized, refusal.text) ? "session-suspected" : "server-answered";
}

function with400(request: RequestFacts, refusal: Refusal): Fault {
  // Bad parameters are the caller's, whatever they are called.
  if (refusal.code === -32602) return "server-answered";
  if (matches(goneWith400, refusal.text)) return byWords(request, refusal);
  return matches(likelyWith400, refusal.text) ? "session-suspected" : "server-answered";
}

function with404(request: RequestFacts, reply: ReplyFacts, refusal: Refusal): Fault {
  if (reply.body.trim() === "") return certain(request);
  if (matches(goneWith404, refusal.text)) return byWords(request, refusal);
  // It names our request and fails it for a reason of its own.
  if (refusal.id === "ours" && refusal.kind === "error" && !lossCodes.has(refusal.code)) return "server-answered";
  // HTML pages, misspelt texts, obsolete records: the fresh initialize tells.
  return "session-suspected";
}

/** 404 or 400 on the standalone stream. */
function onStream(request: RequestFacts, refusal: Refusal): Fault {
  // The first time it mostly means that no stream is offered, and must not cost a session that works.
  if (!request.reopened) return matches(goneAndNothingElse, refusal.text) ? certain(request) : "server-answered";
  // It had been open: either the session is gone or the server changed its mind, and a ping tells.
  return matches(goneWith404, refusal.text) ? certain(request) : "session-doubtful";
}

function with401(request: RequestFacts, reply: ReplyFacts, refusal: Refusal): Fault {
  // A challenge is about the credential, whatever the text says.
  if (reply.challenged || !request.sentSessionId) return "unauthorized";
  return matches(goneWith401, refusal.text) ? "session-suspected" : "unauthorized";
}

/** A challenge with a 403 says which rights the credential lacks (RFC 6750, 3.1: insufficient_scope). */
function isForWantOfRights({ status, challenged }: ReplyFacts): boolean {
  return status === 403 && challenged;
}

function inside200(request: RequestFacts, refusal: Refusal): Fault {
  if (refusal.kind !== "error" || !doubtfulCodes.has(refusal.code)) return "server-answered";
  if (!request.sentSessionId) return matches(notInitialized, refusal.text) ? "session-suspected" : "server-answered";
  // Zilla answers a lost session with a plain "Invalid Request" to nobody.
  if (refusal.id === "nobody") return "session-doubtful";
  const { text } = refusal;
  if (matches(goneWith404, text)) return "session-doubtful";
  if (refusal.code === -32602 && matches(genericRefusal, text)) return "session-doubtful";
  if (refusal.code === -32600 && matches(doubtfulContent, text)) return "session-doubtful";
  // The tool's or the method's own error.
  return "server-answered";
}

function whileAway(request: RequestFacts, refusal: Refusal): Fault {
  if (request.sentSessionId && matches(goneWith503, refusal.text)) return certain(request);
  if (!refusal.jsonRpc) {
    // A gateway has no word for sessions: where the text is about one, a server wrote it.
    const named = request.sentSessionId && matches(goneAndNothingElse, refusal.text);
    return named ? "session-suspected" : "server-away";
  }
  // A server that speaks JSON-RPC is not away: neotoma refuses a lost session so, others their own limits.
  const lost = refusal.code === -32001 || matches(goneWith404, refusal.text);
  return request.sentSessionId && lost ? "session-suspected" : "server-answered";
}

function with500(request: RequestFacts, refusal: Refusal): Fault {
  // It was running, so this is a broken connection told in words.
  if (matches(endedWhileRunning, refusal.text)) return "cut-before-answer";
  if (refusal.code === -32001 && matches(objectAway, refusal.text)) return "server-away";
  if (request.sentSessionId && matches(likelyWith500, refusal.text)) return "session-suspected";
  return "server-answered";
}
