// The catalogue's rows about revisions of the protocol that meet: what a client of 2026-07-28 may not do, and calls that wait for its answers. Numbers 1130 to 1149 and 1330 to 1349.
import { row } from "./catalog-row.ts";

export const eraRows = {
  MODERN_METHOD_NOT_ALLOWED: row(
    "client",
    405,
    1130,
    "no",
    "after-fix",
    "Since revision 2026-07-28 an MCP endpoint takes POST alone: there are no sessions to GET or DELETE.",
    "Send subscriptions/listen by POST for a stream of changes.",
  ),
} as const;
