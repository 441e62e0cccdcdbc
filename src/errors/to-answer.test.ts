// What a client gets for a ProxyError: exact JSON-RPC bytes and the HTTP status.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { catalog } from "./catalog.ts";
import { ProxyError } from "./proxy-error.ts";
import { httpStatus, toBatchErrors, toJsonRpcError } from "./to-answer.ts";

describe("toJsonRpcError", () => {
  it("carries the code, the whole message and the data that explain it", () => {
    const error = new ProxyError("OUTCOME_UNKNOWN", {
      requestId: "r1",
      connector: "files",
      waitedMs: 12,
      upstream: { status: 502, contentType: "text/html", body: "gone" },
      note: "It was a tools/call.",
    });
    const { summary, remedy } = catalog.OUTCOME_UNKNOWN;
    assert.deepEqual(JSON.parse(toJsonRpcError(error, "7")), {
      jsonrpc: "2.0",
      id: 7,
      error: {
        code: 1303,
        message: `${summary} Waited for 12 ms. The last answer had status 502 (text/html). It was a tools/call. ${remedy}`,
        data: {
          origin: "holdfast",
          code: "OUTCOME_UNKNOWN",
          executed: "unknown",
          fault: "network",
          retry: "after-fix",
          requestId: "r1",
          connector: "files",
          waitedMs: 12,
          upstream: { status: 502, contentType: "text/html", body: "gone" },
        },
      },
    });
  });

  for (const id of ["9007199254740993", "1.0", "1e2", '"\\u0061 \\"b\\""', '""', "-0", "null"]) {
    it(`gives back the id ${id} as its own text`, () => {
      assert.ok(
        toJsonRpcError(new ProxyError("TOOL_VANISHED"), id).startsWith(`{"jsonrpc":"2.0","id":${id},"error":{`),
      );
    });
  }

  it("answers with a null id where the request had none that could be read", () => {
    assert.match(toJsonRpcError(new ProxyError("MALFORMED_JSON"), undefined), /^\{"jsonrpc":"2.0","id":null,/);
  });

  it("leaves out what is not known", () => {
    const { data } = JSON.parse(toJsonRpcError(new ProxyError("UNKNOWN_SESSION"), "1")).error;
    assert.deepEqual(Object.keys(data), ["origin", "code", "executed", "fault", "retry"]);
  });

  it("stays on one line, so that it fits an SSE event", () => {
    const error = new ProxyError("INITIALIZE_FAILED", {
      upstream: { status: 500, body: "a\nb\r\u2028c" },
      note: "x\ny",
    });
    assert.doesNotMatch(toJsonRpcError(error, "1"), /[\n\r\u2028]/);
  });

  it("never shows the cause", () => {
    const error = new ProxyError("INTERNAL", {}, { cause: new Error("canary") });
    assert.doesNotMatch(toJsonRpcError(error, "1"), /canary/);
  });
});

describe("toBatchErrors", () => {
  it("answers each request of the batch by its own id", () => {
    const parsed = JSON.parse(toBatchErrors(new ProxyError("SHUTTING_DOWN"), ["1", '"a"']));
    assert.deepEqual(
      parsed.map((answer: { id: unknown; error: { code: number } }) => [answer.id, answer.error.code]),
      [
        [1, 1602],
        ["a", 1602],
      ],
    );
  });

  it("is a single error with a null id where the batch holds no request", () => {
    assert.equal(JSON.parse(toBatchErrors(new ProxyError("SHUTTING_DOWN"), [])).id, null);
  });
});

describe("httpStatus", () => {
  it("is 200 where the error travels inside the answer to a request", () => {
    assert.equal(httpStatus(new ProxyError("OUTCOME_UNKNOWN"), true), 200);
  });

  it("is the row's status where there is no request to answer", () => {
    assert.equal(httpStatus(new ProxyError("OUTCOME_UNKNOWN"), false), 502);
  });

  it("is the row's status where the client must see it", () => {
    assert.equal(httpStatus(new ProxyError("UNKNOWN_SESSION"), true), 404);
  });
});
