// ProxyError: what it says, what it keeps and what it never lets through.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { catalog, type ErrorCode } from "./catalog.ts";
import { ProxyError } from "./proxy-error.ts";
import { toJsonRpcError } from "./to-answer.ts";

describe("ProxyError", () => {
  it("begins with the summary and adds what was tried, for how long, and the last answer's status", () => {
    const error = new ProxyError("UPSTREAM_UNAVAILABLE", {
      tried: "initialize",
      attempts: 12,
      waitedMs: 30_040,
      upstream: { status: 503, contentType: "text/html" },
      note: "The window is 30 s.",
    });
    assert.equal(
      error.message,
      `${catalog.UPSTREAM_UNAVAILABLE.summary} Tried initialize 12 times for 30.0 s. ` +
        "The last answer had status 503 (text/html). The window is 30 s.",
    );
  });

  it("says no more than the summary when nothing more is known", () => {
    assert.equal(new ProxyError("SHUTTING_DOWN").message, catalog.SHUTTING_DOWN.summary);
  });

  it("keeps a ProxyError as it is when it is caught", () => {
    const error = new ProxyError("CURSOR_LOST");
    assert.equal(ProxyError.from(error), error);
  });

  for (const [what, caught] of [
    ["an Error", new Error("secret path /data/x")],
    ["a string", "secret path"],
    ["undefined", undefined],
  ] as const) {
    it(`makes INTERNAL of ${what}, whose words stay in the cause`, () => {
      const error = ProxyError.from(caught);
      assert.equal(error.code, "INTERNAL");
      assert.equal(error.cause, caught);
      assert.doesNotMatch(toJsonRpcError(error, "1"), /secret/);
    });
  }

  it("adds details that are known later, and keeps the cause", () => {
    const cause = new Error("x");
    const error = new ProxyError("UPSTREAM_CUT", { connector: "files" }, { cause }).with({ requestId: "r1" });
    assert.deepEqual([error.details.connector, error.details.requestId, error.cause], ["files", "r1", cause]);
  });

  it("keeps the first 300 bytes of the server's answer, without a character cut in two", () => {
    const { details } = new ProxyError("INITIALIZE_FAILED", { upstream: { status: 500, body: `a${"é".repeat(400)}` } });
    assert.equal(details.upstream?.body, `a${"é".repeat(149)}`);
  });

  it("escapes control and bidirectional characters wherever text from outside is kept", () => {
    const nasty = "a\u001b[31m\r\nb\u202ec\u2028d\u0085";
    const escaped = "a\\u001b[31m\\u000d\\u000ab\\u202ec\\u2028d\\u0085";
    const { details, message } = new ProxyError("INITIALIZE_FAILED", {
      note: nasty,
      connector: nasty,
      upstream: { body: nasty, contentType: nasty },
    });
    assert.equal(details.upstream?.body, escaped);
    assert.equal(details.upstream?.contentType, escaped);
    assert.equal(details.connector, escaped);
    assert.ok(message.endsWith(escaped));
  });
});

describe("an error of a request that may have run", () => {
  const isErrorCode = (code: string): code is ErrorCode => code in catalog;
  const unsure = Object.keys(catalog)
    .filter(isErrorCode)
    .filter((code) => catalog[code].executed !== "no");
  const words =
    "session,Not connected,HTTP 400,http 401,HTTP 403,HTTP 404,ECONNREFUSED,fetch failed,connection refused,Connection closed,TypeError: terminated".split(
      ",",
    );

  for (const code of unsure) {
    it(`${code} holds no word on which a client sends the request again, whatever the server said`, () => {
      for (const word of words) {
        const details = { note: `It said ${word}.`, tried: word, upstream: { status: 400, body: `{"m":"${word}"}` } };
        const text = toJsonRpcError(new ProxyError(code, details), "1");
        assert.ok(!text.toLowerCase().includes(word.toLowerCase()), text);
        assert.match(text, /"upstream":\{"status":400/);
      }
    });
  }

  it("keeps what the server said where it holds no such word", () => {
    const error = new ProxyError("OUTCOME_UNKNOWN", { upstream: { status: 502, body: "<h1>Bad Gateway</h1>" } });
    assert.equal(error.details.upstream?.body, "<h1>Bad Gateway</h1>");
  });
});
