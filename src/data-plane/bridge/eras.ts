// Which era a client speaks, and what an answer proves about the era of a server. Pure: no clock, no I/O.
import { metaKey, modernRevision, protocolVersionHeader } from "../../protocol/index.ts";
import { asObject, type JsonObject, parseObject } from "../session/index.ts";

/** Legacy: revisions up to 2025-11-25, `initialize` and sessions. Modern: from 2026-07-28 on every request stands alone. */
export type Era = "legacy" | "modern";

export function isModernRevision(revision: string): boolean {
  // Revisions are dates, which sort as text; anything else is a word that no revision is.
  return /^\d{4}-\d\d-\d\d$/.test(revision) && revision >= modernRevision;
}

/** The client's era as the headers alone tell it, which is how every exchange but an opening one is told. */
export function isModernExchange(headers: Readonly<Record<string, string | string[] | undefined>>): boolean {
  const version = headers[protocolVersionHeader];
  return typeof version === "string" && isModernRevision(version.trim());
}

const envelopeKey = Buffer.from(`"${metaKey.protocolVersion}"`);

/** A POST without modern headers and without a session id: does its body speak of itself as modern? Such a message is malformed, and gets the modern era's errors. */
export function isModernBody(method: string | undefined, body: Buffer | undefined): boolean {
  return method === "server/discover" || (body?.includes(envelopeKey) ?? false);
}

export type Known = "yes" | "no" | "unknown";

/** Two facts, not one value: a server may speak both, and then each client is served in its own era, untranslated. */
export interface ServerEras {
  readonly legacy: Known;
  readonly modern: Known;
  /** When this was last learned, in milliseconds since the epoch. */
  readonly atMs: number;
}

/** What one answer proves; an absent fact is not touched. */
export type EraEvidence = Partial<Readonly<Record<Era, Known>>>;

export const nothingKnown: ServerEras = { legacy: "unknown", modern: "unknown", atMs: 0 };

/** A day: an upgraded server still answers `initialize`, so nothing else would ever tell. */
export const verdictTtlMs = 86_400_000;

/** What is known now: a verdict that is too old is none. */
export function currentEras(eras: ServerEras, nowMs: number): ServerEras {
  return nowMs - eras.atMs > verdictTtlMs ? nothingKnown : eras;
}

export function learn(eras: ServerEras, evidence: EraEvidence, nowMs: number): ServerEras {
  const { legacy, modern } = currentEras(eras, nowMs);
  return { legacy: evidence.legacy ?? legacy, modern: evidence.modern ?? modern, atMs: nowMs };
}

/** True if the evidence says anything that was not known. */
export function isNews(eras: ServerEras, evidence: EraEvidence): boolean {
  return (evidence.legacy ?? eras.legacy) !== eras.legacy || (evidence.modern ?? eras.modern) !== eras.modern;
}

/** An HTTP answer as far as it can be evidence. */
export interface EraFacts {
  readonly status: number;
  /** Media type, or the whole content-type header. */
  readonly contentType: string;
  /** Of an event stream the data of its first message. */
  readonly body: string;
}

interface RpcAnswer {
  readonly result: JsonObject | undefined;
  readonly code: number | undefined;
  readonly supported: readonly string[] | undefined;
}

const nothingProven: EraEvidence = {};

/** Old servers and the modern era's own refusals overload these; the server that says them may be of either era. */
const provesNothing: ReadonlySet<number | undefined> = new Set([-32001, -32020, -32021]);

/** What the answer to `server/discover` proves. */
export function discoverEvidence({ status, body }: EraFacts): EraEvidence {
  const answer = readAnswer(body);
  if (answer?.code === -32022) return fromRevisions(answer.supported);
  if (answer?.code !== undefined && provesNothing.has(answer.code)) return nothingProven;
  const revisions = strings(answer?.result?.["supportedVersions"]);
  if (revisions !== undefined) return fromRevisions(revisions);
  // 401, 403 and 5xx come from whoever stands in the way, 408 and 429 from a busy one.
  if (status === 401 || status === 403 || status === 408 || status === 429 || status >= 500) return nothingProven;
  if (status >= 300 && status < 400) return nothingProven;
  // A server of this era knows its first method; in the other one it is an unknown method, or a request without a session.
  return { legacy: "yes", modern: "no" };
}

/** What the answer to a client's `initialize` proves; it is the evidence that costs nothing. */
export function initializeEvidence({ status, body }: EraFacts): EraEvidence {
  const answer = readAnswer(body);
  if (isInitializeResult(answer)) return { legacy: "yes" };
  if (answer?.code === -32022) {
    const { legacy = "no", modern = "yes" } = fromRevisions(answer.supported);
    return { legacy, modern };
  }
  // A modern server knows no such method, and says so with its own status.
  if (answer?.code === -32601 && (status === 404 || status === 405)) return { legacy: "no" };
  return nothingProven;
}

/**
 * True for an answer to `initialize` that opens no session of the legacy era and that a modern server may have given: a refusal in whatever form,
 * or a revision of its own. Whoever stands in the way (401, 403, 5xx) says nothing.
 */
export function isDoubtfulInitialize({ status, body }: EraFacts): boolean {
  const answer = readAnswer(body);
  // A plain 404 is a wrong address: whoever speaks either era refuses in JSON-RPC there.
  if (status === 404) return answer !== undefined;
  if (status >= 400) return status < 500 && status !== 401 && status !== 403;
  if (status !== 200 || answer === undefined) return false;
  return answer.code !== undefined || (answer.result !== undefined && !isInitializeResult(answer));
}

function isInitializeResult(answer: RpcAnswer | undefined): boolean {
  const revision = answer?.result?.["protocolVersion"];
  return typeof revision === "string" && !isModernRevision(revision);
}

/** A modern request was refused with 400, 404 or 405: could a modern server have said this? If not, it has become another one. */
export function isForeignRefusal({ status, body }: EraFacts): boolean {
  if (status !== 400 && status !== 404 && status !== 405) return false;
  const code = readAnswer(body)?.code;
  // The codes of servers that ask for a session. Others are about the request, and every modern server may say them.
  return code === undefined || code === -32000 || code === -32001;
}

function fromRevisions(supported: readonly string[] | undefined): EraEvidence {
  if (supported === undefined) return { modern: "yes" };
  const modern = supported.some(isModernRevision) ? "yes" : "no";
  // A modern server need not list the revisions that it serves by `initialize`, so their absence proves nothing.
  return supported.some((each) => !isModernRevision(each)) ? { legacy: "yes", modern } : { modern };
}

function readAnswer(body: string): RpcAnswer | undefined {
  const message = parseObject(body);
  if (message === undefined) return undefined;
  const error = asObject(message["error"]);
  const code = error?.["code"];
  return {
    result: asObject(message["result"]),
    code: typeof code === "number" ? code : undefined,
    supported: strings(asObject(error?.["data"])?.["supported"]),
  };
}

function strings(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((each) => typeof each === "string") ? value : undefined;
}
