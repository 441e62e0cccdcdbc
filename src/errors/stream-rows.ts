// The catalogue's rows about streams that outlive a client's connection. Numbers 1340 to 1349.
import { row } from "./catalog-row.ts";

export const streamRows = {
  ANSWER_NOT_KEPT: row(
    "network",
    502,
    1340,
    "unknown",
    "after-fix",
    "The client came back for an answer that is no longer kept: it was away too long, or missed too much.",
    "Check whether the request took effect before you send it again; --stream-keep, --stream-keep-bytes and --durable-streams say what is kept.",
    true,
  ),
  ANSWER_NOT_A_MESSAGE: row(
    "server",
    502,
    1341,
    "unknown",
    "after-fix",
    "The server took long to answer, and then gave something that is no JSON-RPC message.",
    "See the server's own answer in data.upstream.",
    true,
  ),
} as const;
