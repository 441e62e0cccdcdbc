// The catalogue's rows about requests that never became one: refused by the parser or by what HTTP itself asks for. Numbers 1115 to 1119.
import { row } from "./catalog-row.ts";

export const httpRows = {
  NOT_HTTP: row(
    "client",
    400,
    1115,
    "no",
    "after-fix",
    "What came on the connection is no request of HTTP/1.1 that can be read in one way only.",
    "Send one Host header, one length or chunks, and no line break inside a header; speak TLS to a listener that serves it, and to no other.",
  ),
  HEADERS_TOO_LARGE: row(
    "client",
    431,
    1116,
    "no",
    "after-fix",
    "The request's headers are larger than 16 KB.",
    "Send fewer, or shorter ones.",
  ),
  HEADERS_TIMEOUT: row(
    "client",
    408,
    1117,
    "no",
    "yes",
    "The request's headers did not arrive in time.",
    "Send it again over a working connection.",
  ),
  EXPECTATION_UNKNOWN: row(
    "client",
    417,
    1118,
    "no",
    "after-fix",
    "The Expect header asks for something else than 100-continue.",
    "Leave it out.",
  ),
} as const;
