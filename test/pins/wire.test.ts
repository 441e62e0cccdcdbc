// What clients, servers and log readers see, written out as literals: who changes one of these changes it for everybody outside.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { catalog, ProxyError, toJsonRpcError } from "../../src/errors/index.ts";
import { createLog, type LogFormat, type RequestRecord } from "../../src/observability/index.ts";
import {
  acceptBoth,
  hopByHop,
  lastEventIdHeader,
  protocolVersionHeader,
  sessionIdHeader,
} from "../../src/protocol/index.ts";
import { temporaryDirectory } from "../support/process.ts";

/** Name, JSON-RPC code, HTTP status, and 200 where a request is answered in band. A new row is a new line; no line ever changes. */
const errorPins = `
MALFORMED_JSON -32700 400
NOT_JSON_RPC -32600 400
CONTENT_TYPE_NOT_JSON 1101 415
SESSION_ID_REQUIRED 1102 400
UNKNOWN_SESSION 1103 404
BODY_TOO_LARGE 1104 413
ORIGIN_REFUSED 1105 403
HOST_REFUSED 1106 403
METHOD_NOT_ALLOWED 1107 405
PATH_NOT_FOUND 1108 404
TOKEN_REQUIRED 1109 401
BODY_TIMEOUT 1110 408
INITIALIZE_IN_BATCH 1111 400
REQUEST_CANCELLED 1112 499 200
REQUEST_NOT_SENDABLE 1114 400
INVALID_SESSION_ID 1113 400
NOT_HTTP 1115 400
HEADERS_TOO_LARGE 1116 431
HEADERS_TIMEOUT 1117 408
EXPECTATION_UNKNOWN 1118 417
AUTHORIZATION_REQUIRED 1201 502 200
TOOL_VANISHED 1301 502 200
CURSOR_LOST 1302 502 200
OUTCOME_UNKNOWN 1303 502 200
TOO_LARGE_TO_REPLAY 1304 502 200
UPSTREAM_NOT_FOUND 1401 502 200
UPSTREAM_REFUSED_CONNECTION 1402 502 200
UPSTREAM_NAME_UNKNOWN 1403 502 200
UPSTREAM_TLS_FAILED 1404 502 200
UPSTREAM_CONNECT_TIMEOUT 1405 504 200
UPSTREAM_UNAVAILABLE 1406 503 200
UPSTREAM_MOVED 1408 502 200
UPSTREAM_CUT 1407 502 200
SESSION_NOT_RESTORED 1501 502 200
SESSION_NOT_KEPT 1502 502 200
RESTORES_PAUSED 1503 503 200
SERVER_CANNOT_REINITIALIZE 1504 502 200
SESSION_LOST 1505 404
SESSION_CLOSED 1506 404
INITIALIZE_FAILED 1507 502 200
TOO_MANY_SESSIONS 1601 503
SHUTTING_DOWN 1602 503
INTERNAL 1603 500
STORE_UNREADABLE 1604 503
CONTINUATION_LOST -32603 502 200
STATE_FORGED -32602 400
STATE_FOREIGN -32602 400
STATE_OF_OTHER_REQUEST -32602 400
STATE_EXPIRED -32602 400
STATE_USED -32602 400
NOT_INITIALIZED 1120 409 200
TOO_MANY_OPEN_REQUESTS 1121 429 200
MESSAGE_ENDPOINT_INCOMPLETE 1122 400
WEBSOCKET_ONLY 1123 426
MODERN_METHOD_NOT_ALLOWED 1130 405
REFUSED_BY_SERVER 1320 502 200
ANSWER_TOO_LARGE 1321 502 200
ANSWER_NOT_KEPT 1340 502 200
ANSWER_NOT_A_MESSAGE 1341 502 200
UPSTREAM_DROPS_CONNECTION 1409 502 200
UPSTREAM_NOT_HTTP 1410 502 200
SERVER_COMMAND_NOT_FOUND 1420 502 200
SERVER_DIRECTORY_NOT_FOUND 1421 502 200
SERVER_NOT_STARTED 1422 503 200
SERVER_PROCESS_EXITED 1423 502 200
SERVER_KEEPS_EXITING 1424 503 200
SERVER_SILENT 1425 504 200
SERVER_SPEAKS_NO_MCP 1426 502 200
SERVER_MESSAGE_TOO_LARGE 1427 502 200
SSE_ENDPOINT_REFUSED 1428 502 200
SSE_ENDPOINT_MISSING 1429 504 200
UPSTREAM_CLOSED 1430 502 200
SERVER_DOES_NOT_READ 1431 503 200
CONNECTOR_DISCONNECTED 1701 503 200
CONNECTOR_UNKNOWN 1702 404
CONNECTOR_NOT_USABLE 1703 502 200
CONNECTOR_EXISTS 1704 409
CONNECTOR_CHANGED 1705 412
IF_MATCH_REQUIRED 1706 428
CONNECTOR_READ_ONLY 1707 409
STDIO_OVER_API 1708 403
ADDRESS_REFUSED 1709 403
UPSTREAM_ADDRESS_REFUSED 1710 502 200
INVALID_INPUT 1711 400
SIGN_IN_REQUIRED 1712 401
ADMIN_REQUIRED 1713 403
LOGIN_CODE_REFUSED 1714 401
CROSS_SITE_REFUSED 1715 403
NOT_THERE 1716 404
SESSION_NOT_BREAKABLE 1717 409
CONNECTOR_HAS_NO_PROGRAM 1718 409
BODIES_NOT_KEPT 1719 409
SIGN_IN_OVER 1801 502 200
SCOPE_REQUIRED 1802 502 200
CREDENTIAL_NOT_RENEWED 1803 502 200
SIGN_IN_NOT_FOR_PROGRAMS 1804 409
SIGN_IN_HEADER_CONFLICT 1805 409
SIGN_IN_NOT_OFFERED 1806 502
SIGN_IN_ADDRESS_REFUSED 1807 502
AUTHORIZATION_SERVER_UNREACHABLE 1808 502
AUTHORIZATION_SERVER_UNUSABLE 1809 502
RESOURCE_MISMATCH 1810 502
ISSUER_MISMATCH 1811 502
PKCE_NOT_SUPPORTED 1812 502
CLIENT_ID_NEEDED 1813 409
CLIENT_REGISTRATION_REFUSED 1814 502
SIGN_IN_UNKNOWN 1815 400
SIGN_IN_REFUSED 1816 403
SIGN_IN_OVERTAKEN 1817 409
`;

const lines = (text: string): readonly string[] => text.trim().split("\n").toSorted();

describe("each error", () => {
  it("keeps its name, its code and its status", () => {
    const rows = Object.entries(catalog).map(([code, row]) =>
      [code, row.jsonrpc, row.http, ...(row.inBand ? [200] : [])].join(" "),
    );
    assert.deepEqual(lines(rows.join("\n")), lines(errorPins));
  });

  it("is written in one form", () => {
    const error = new ProxyError("UPSTREAM_REFUSED_CONNECTION", {
      connector: "files",
      requestId: "r-1",
      upstream: { status: 502, contentType: "text/html", body: "<p>" },
      tried: "a connection",
      attempts: 9,
      waitedMs: 30_012,
      retryAfterMs: 7,
    });
    const answer: unknown = JSON.parse(toJsonRpcError(error, "7"));
    assert.deepEqual(withoutMessage(answer), {
      jsonrpc: "2.0",
      id: 7,
      error: {
        code: 1402,
        data: {
          origin: "holdfast",
          code: "UPSTREAM_REFUSED_CONNECTION",
          executed: "no",
          fault: "network",
          retry: "yes",
          connector: "files",
          requestId: "r-1",
          tried: "a connection",
          waitedMs: 30_012,
          attempts: 9,
          retryAfterMs: 7,
          upstream: { status: 502, contentType: "text/html", body: "<p>" },
        },
      },
    });
  });
});

/** The words may improve; everything else may not change. */
function withoutMessage(answer: unknown): unknown {
  const { error, ...rest } = answer as { readonly error: Readonly<Record<string, unknown>> };
  const { message, ...others } = error;
  assert.equal(typeof message, "string");
  return { ...rest, error: others };
}

describe("the headers", () => {
  it("keep the names that the transport gives them", () => {
    assert.deepEqual(
      [sessionIdHeader, protocolVersionHeader, lastEventIdHeader, acceptBoth],
      ["mcp-session-id", "mcp-protocol-version", "last-event-id", "application/json, text/event-stream"],
    );
  });

  it("of one connection never cross the proxy", () => {
    assert.deepEqual([...hopByHop].toSorted(), [
      "connection",
      "keep-alive",
      "proxy-authenticate",
      "proxy-authorization",
      "proxy-connection",
      "te",
      "trailer",
      "transfer-encoding",
      "upgrade",
    ]);
  });
});

const record: RequestRecord = {
  user_id: "u1",
  session_id: "s1",
  http_method: "POST",
  jsonrpc_method: "tools/call",
  jsonrpc_id: "7",
  body_len: 42,
  status: 200,
  elapsed_ms: 1.5,
  connector: "files",
  era_pair: "LL",
  recovery: "restored",
  error_code: "-",
  request_id: "r-1",
};

async function written(format: LogFormat): Promise<string> {
  await using directory = await temporaryDirectory();
  const destination = join(directory.path, "log");
  const log = createLog({ format, destination, quiet: false });
  log.request(record);
  await log.close();
  return readFileSync(destination, "utf8");
}

describe("the line of a request", () => {
  it("has these fields as JSON, in this order", async () => {
    const line: Readonly<Record<string, unknown>> = JSON.parse(await written("json"));
    const { level, time, msg, ...fields } = line;
    assert.deepEqual([level, msg], ["info", "mcp request"]);
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(
      JSON.stringify(fields),
      '{"user_id":"u1","session_id":"s1","http_method":"POST","jsonrpc_method":"tools/call","jsonrpc_id":"7","body_len":42,"status":200,"elapsed_ms":1.5,"connector":"files","era_pair":"LL","recovery":"restored","error_code":"-","request_id":"r-1"}',
    );
  });

  it("has the same fields as logfmt", async () => {
    const line = await written("logfmt");
    const [, fields] = line.split(/ (?=user_id=)/);
    assert.equal(
      fields,
      "user_id=u1 session_id=s1 http_method=POST jsonrpc_method=tools/call jsonrpc_id=7 body_len=42 status=200 elapsed_ms=1.5 connector=files era_pair=LL recovery=restored error_code=- request_id=r-1\n",
    );
  });
});
