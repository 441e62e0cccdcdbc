// The catalogue's rows about servers that take a connection and give nothing of use on it. Numbers 1409 to 1419.
import { row } from "./catalog-row.ts";

export const connectionRows = {
  UPSTREAM_DROPS_CONNECTION: row(
    "network",
    502,
    1409,
    "no",
    "yes",
    "The server takes connections and closes them without an answer.",
    "Look at what listens there: a forwarder without a server behind it does this, and a server that asks for TLS.",
    true,
  ),
  UPSTREAM_NOT_HTTP: row(
    "network",
    502,
    1410,
    "no",
    "after-fix",
    "What answers at the server's address speaks no HTTP/1.1 that can be read in one way only.",
    "Check scheme, host and port; an https server needs an https URL.",
    true,
  ),
} as const;
