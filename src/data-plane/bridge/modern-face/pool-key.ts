// What two modern requests must have in common to share a session of a legacy server. Pure.
import { createHash } from "node:crypto";
import type { ClientFacts } from "../translate/client-facts.ts";
import { clientCapabilitiesToLegacy } from "../translate/client-facts.ts";

export interface PoolUser {
  /** Hash of what the caller presented, or "none". */
  readonly principal: string;
  readonly client: ClientFacts;
  /** The caller's own word (Holdfast-Isolation): conversations with different words share nothing. "" where none was given. */
  readonly isolation: string;
}

/** The header by which a caller keeps conversations apart that a stateful server would mix. */
export const isolationHeader = "holdfast-isolation";
/** As its value: a session for this request alone. */
export const perRequest = "per-request";

/** A legacy server fixes who the client is and what it can do at `initialize`, so callers that differ in either never share. */
export function poolKey({ principal, client, isolation }: PoolUser): string {
  const parts = [
    principal,
    isolation,
    canonical(client.info),
    canonical(clientCapabilitiesToLegacy(client.capabilities)),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

/** The same text for the same value, whatever the order of its members and its white space. */
export function canonical(json: string): string {
  return JSON.stringify(sorted(JSON.parse(json)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  // A plain object would drop a member of the name __proto__.
  return Object.assign(Object.create(null), Object.fromEntries(members.map(([key, each]) => [key, sorted(each)])));
}

/** May callers of whom nothing is known share a session? Only where they can be but one user (era study, 4.3). */
export function mayShare(user: PoolUser, isOneUser: boolean): boolean {
  if (user.isolation === perRequest) return false;
  return user.principal !== "none" || isOneUser;
}
