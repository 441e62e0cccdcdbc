// The client's session id: random, opaque, safe in a header. The server's ids are strings of its own and never look at these rules.
import { randomBytes } from "node:crypto";

declare const brand: unique symbol;
/** The id that Holdfast gave to a client. Never sent to a server. */
export type ClientSessionId = string & { readonly [brand]: "ClientSessionId" };

/** 192 random bits as 32 characters. */
export function newClientSessionId(): ClientSessionId {
  return randomBytes(24).toString("base64url") as ClientSessionId;
}

/** The specification asks for visible ASCII (transports, "Session Management"); the length is our own limit. */
export function isClientSessionId(value: string): value is ClientSessionId {
  return value.length > 0 && value.length <= 256 && /^[\x21-\x7e]+$/.test(value);
}

/** Begins the id of every session that only the bridge holds, so that no server is ever asked about one. */
export const faceIdPrefix = "holdfast-face-";

/** True for a session that the bridge holds: its client is a legacy one, its server a modern one. */
export function isFaceSession(upstreamId: string | undefined): boolean {
  return upstreamId?.startsWith(faceIdPrefix) === true;
}
