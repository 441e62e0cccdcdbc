// Questions of a server (elicitation, sampling, roots) under the ids that its client knows them by. Many servers count theirs from 0 in each session, and a
// client may still be about to answer a question of the lost one: a later question of the same id then gets an id of its own, so that no answer is taken
// for another one's.
import {
  type Envelope,
  encodeSseEvent,
  findSpan,
  privateId,
  type RawId,
  replaceSpans,
  type SseEvent,
  spanText,
} from "../../protocol/index.ts";
import type { UpstreamSession } from "../session/index.ts";
import { type ClientExchange, envelopesOf } from "./client-exchange.ts";

/** By session: the server's id of each question that has another one for the client. */
const renamed = new WeakMap<UpstreamSession, Map<RawId, RawId>>();

/** Takes note of what one event asks. */
export function noteQuestions(session: UpstreamSession, event: SseEvent, generation: number): void {
  const { scanned } = event;
  if (scanned?.shape === "single") noteQuestion(session, scanned.envelope, generation, event);
  else if (scanned?.shape === "batch")
    for (const each of scanned.envelopes) noteQuestion(session, each, generation, undefined);
}

/** `event`: where another id can be put in, if it is not too large for that. */
function noteQuestion(
  session: UpstreamSession,
  { kind, id }: Envelope,
  generation: number,
  event: SseEvent | undefined,
): void {
  if (kind !== "request" || id === undefined) return;
  const askedBefore = session.asked.get(id);
  const isOpenStill = askedBefore !== undefined && askedBefore !== generation;
  if (!isOpenStill || event?.text() === undefined) return void session.asked.set(id, generation);
  const names = renamed.get(session) ?? new Map<RawId, RawId>();
  renamed.set(session, names);
  const name = JSON.stringify(privateId());
  names.set(name, id);
  session.asked.set(name, generation);
}

/** One event of `generation` as its client is to read it. */
export function underClientIds(
  session: UpstreamSession,
  event: SseEvent,
  generation: number,
  pieces: readonly Uint8Array[],
): readonly Uint8Array[] {
  const envelope = event.scanned?.shape === "single" ? event.scanned.envelope : undefined;
  const path = envelope === undefined ? undefined : idPath(envelope);
  const names = path && renamed.get(session);
  const text = names && event.text();
  if (text === undefined || path === undefined || names === undefined) return pieces;
  const bytes = Buffer.from(text);
  const span = findSpan(bytes, path);
  const id = span && spanText(bytes, span);
  const name = [...names].findLast(([own, asked]) => asked === id && session.asked.get(own) === generation)?.[0];
  if (span === undefined || name === undefined) return pieces;
  return [encodeSseEvent({ type: "message", data: replaceSpans(bytes, [[span, name]]) })];
}

/** An answer as the server is to read it. */
export function underServerIds(exchange: ClientExchange, session: UpstreamSession): ClientExchange {
  const { scanned, body } = exchange;
  if (scanned?.shape !== "single" || scanned.envelope.method !== undefined) return exchange;
  const names = renamed.get(session);
  const id = scanned.envelope.id === undefined ? undefined : names?.get(scanned.envelope.id);
  const span = id === undefined || body?.kept === undefined ? undefined : findSpan(body.kept, ["id"]);
  if (id === undefined || span === undefined || body?.kept === undefined) return exchange;
  const envelope = { ...scanned.envelope, id };
  return { ...exchange, scanned: { shape: "single", envelope }, body: { kept: replaceSpans(body.kept, [[span, id]]) } };
}

/** What the client answers there is open no more. The result takes that back, where the server has not taken it (a 401): it may be sent again. Undefined where it is no answer. */
export function noteAnswered(exchange: ClientExchange, session: UpstreamSession): (() => void) | undefined {
  const undo: (() => void)[] = [];
  for (const { id, method } of envelopesOf(exchange)) {
    if (method !== undefined || id === undefined) continue;
    const { asked } = session;
    const names = renamed.get(session);
    const [generation, own] = [asked.get(id), names?.get(id)];
    asked.delete(id);
    names?.delete(id);
    undo.push(() => {
      if (generation !== undefined && !asked.has(id)) asked.set(id, generation);
      if (own !== undefined) names?.set(id, own);
    });
  }
  if (undo.length === 0) return undefined;
  return () => {
    for (const each of undo) each();
  };
}

function idPath({ kind, method }: Envelope): readonly string[] | undefined {
  if (kind === "request") return ["id"];
  return method === "notifications/cancelled" ? ["params", "requestId"] : undefined;
}
