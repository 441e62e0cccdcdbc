// The life of one session as a value: which states exist, what changes them, and what must then be done. Pure; session/upstream-session.ts acts.
import type { ErrorCode } from "../../errors/index.ts";
import type { Fault } from "./fault.ts";

/** `disconnected`: the user wants the connector disconnected or removed. `admin`: the user ended this one session. */
export type CloseReason = "client" | "idle" | "strict" | "disconnected" | "admin";

export type SessionState =
  /** The server holds this session, as far as we know. `served` = it has accepted this id since it issued it. */
  | {
      readonly at: "operating";
      readonly generation: number;
      readonly upstreamId: string | undefined;
      readonly served: boolean;
    }
  /** Generation `generation` is lost and one restore is running. Nobody holds an upstream id. */
  | { readonly at: "restoring"; readonly generation: number; readonly signal: Fault }
  /** The last restore failed; the next one who needs the session starts another. */
  | { readonly at: "lost"; readonly generation: number; readonly signal: Fault; readonly code: ErrorCode }
  | { readonly at: "closed"; readonly reason: CloseReason };

export type SessionEvent =
  /** The server answered a request that carried the id of `generation` in a way that proves the id is known. */
  | { readonly type: "served"; readonly generation: number }
  /** A request on `generation` met a fault that means the session is gone. */
  | { readonly type: "lost"; readonly generation: number; readonly signal: Fault }
  /** As `lost`, told by a request that ends here: nobody waits, so the restore is left to the next one who needs the session. */
  | { readonly type: "refused"; readonly generation: number; readonly signal: Fault }
  /** Somebody needs the session now. */
  | { readonly type: "wanted" }
  | { readonly type: "restored"; readonly upstreamId: string | undefined }
  /** Another process restored the session first; its generation counts. */
  | { readonly type: "overtaken"; readonly generation: number; readonly upstreamId: string | undefined }
  /** Nothing was lost: the session of `generation` goes on at another server, where it was opened beforehand. */
  | { readonly type: "moved"; readonly generation: number; readonly upstreamId: string }
  | { readonly type: "failed"; readonly code: ErrorCode }
  /** The user wants to see it heal: from here on the session carries an id that the server never issued. */
  | { readonly type: "break"; readonly deadId: string }
  | { readonly type: "close"; readonly reason: CloseReason };

export type Effect =
  /** Begin the one restore of this loss. */
  | "restore"
  /** Let everybody go on who waits for an operating session. */
  | "release"
  /** Tell everybody who waits that the restore failed. */
  | "refuse"
  /** The new id was refused before it served anything: one more sign against the server. */
  | "fruitless"
  /** The new id serves: the server is well. */
  | "proven"
  /** End the session at the server and forget it here and in the store. */
  | "forget";

const none: readonly Effect[] = [];

/** The only place where a session changes. An event that does not fit the state leaves it as it is. */
export function next(state: SessionState, event: SessionEvent): readonly [SessionState, readonly Effect[]] {
  // A closed session stays closed: no late answer, restore or loss brings it back (design rule 8).
  if (state.at === "closed") return [state, none];
  if (event.type === "close") return [{ at: "closed", reason: event.reason }, ["forget", "refuse"]];
  switch (state.at) {
    case "operating":
      return operating(state, event);
    case "restoring":
      return restoring(state, event);
    case "lost":
      if (event.type === "wanted")
        return [{ at: "restoring", generation: state.generation, signal: state.signal }, ["restore"]];
      return [state, none];
  }
}

type At<S extends SessionState["at"]> = Extract<SessionState, { at: S }>;

function operating(state: At<"operating">, event: SessionEvent): readonly [SessionState, readonly Effect[]] {
  if (event.type === "served") {
    // News of an older generation says nothing about this one.
    if (event.generation !== state.generation || state.served) return [state, none];
    return [{ ...state, served: true }, ["proven"]];
  }
  if (event.type === "lost") {
    // A refusal on generation N while N+1 is live is old news: the request is simply replayed on N+1 (design rule 5).
    if (event.generation !== state.generation) return [state, none];
    const restoring: SessionState = { at: "restoring", generation: state.generation, signal: event.signal };
    return [restoring, state.served ? ["restore"] : ["fruitless", "restore"]];
  }
  if (event.type === "refused") {
    if (event.generation !== state.generation) return [state, none];
    const { generation, served } = state;
    const lost: SessionState = { at: "lost", generation, signal: event.signal, code: "SESSION_NOT_KEPT" };
    return [lost, served ? none : ["fruitless"]];
  }
  if (event.type === "moved") {
    // It was lost and restored meanwhile, which counts.
    if (event.generation !== state.generation) return [state, none];
    return [{ at: "operating", generation: state.generation + 1, upstreamId: event.upstreamId, served: false }, none];
  }
  // As if the server had accepted it: its refusal is then what a restart's would be.
  if (event.type === "break") return [{ ...state, upstreamId: event.deadId, served: true }, none];
  if (event.type === "overtaken" && event.generation > state.generation) {
    return [{ at: "operating", generation: event.generation, upstreamId: event.upstreamId, served: true }, ["release"]];
  }
  return [state, none];
}

function restoring(state: At<"restoring">, event: SessionEvent): readonly [SessionState, readonly Effect[]] {
  if (event.type === "restored") {
    const generation = state.generation + 1;
    return [{ at: "operating", generation, upstreamId: event.upstreamId, served: false }, ["release"]];
  }
  if (event.type === "overtaken") {
    // A store that missed a write may name a generation that is over here; old leases must not count as leases of this one.
    const generation = Math.max(event.generation, state.generation + 1);
    return [{ at: "operating", generation, upstreamId: event.upstreamId, served: true }, ["release"]];
  }
  if (event.type === "failed") {
    return [{ at: "lost", generation: state.generation, signal: state.signal, code: event.code }, ["refuse"]];
  }
  return [state, none];
}
