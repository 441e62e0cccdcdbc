// Short keyed hashes that let log lines and rows be joined without showing a session id or a credential. Never returns what it was given.
import { createHmac } from "node:crypto";

const shortHexLength = 12;

/** The whole keyed hash (64 hex digits), for keys and comparisons. The kind is hashed too, so that a credential and an id with the same text differ. */
export function keyedHash(secret: Uint8Array, kind: string, value: string): string {
  return createHmac("sha256", secret).update(`${kind}\0${value}`).digest("hex");
}

/** Short, for the log. Costs microseconds: compute it once per session, not per request. */
export function sessionHash(secret: Uint8Array, sessionId: string): string {
  return keyedHash(secret, "session", sessionId).slice(0, shortHexLength);
}

/** Whole, since sessions are bound by it; the log shows its beginning. */
export function principalHash(secret: Uint8Array, credential: string): string {
  return keyedHash(secret, "principal", credential);
}
