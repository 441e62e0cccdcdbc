// Ids of Holdfast's own requests to a server, told apart from every client's.
import { randomBytes } from "node:crypto";
import type { RawId } from "./message.ts";

const prefix = "holdfast-";

/** An id that no client uses, so that an answer can never be taken for a client's. */
export function privateId(): string {
  return `${prefix}${randomBytes(9).toString("base64url")}`;
}

/** True for such an id as it stands in a message. */
export function isPrivateId(id: RawId): boolean {
  return id.startsWith(`"${prefix}`);
}
