// Drives the classifier with every recorded answer, the traps, and random replies. Pure: no server is started.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { bytesOf, type LossRecord, unusedOverrides } from "../../../test/fixtures/session-loss-bytes.ts";
import { allExceptions, exceptionOf } from "../../../test/fixtures/session-loss-exceptions.ts";
import { traps, usualReply, usualRequest } from "../../../test/fixtures/session-loss-traps.ts";
import { classifyInitialize, classifyLost, classifyReply, classifyStreamEnd, mentionsError } from "./classify.ts";
import type { Fault, ReplyFacts, RequestFacts } from "./fault.ts";
import { matches, notInitialized } from "./signals.ts";

const file = new URL("../../../test/fixtures/session-loss.json", import.meta.url);
const { records }: { readonly records: readonly LossRecord[] } = JSON.parse(readFileSync(file, "utf8"));

const certainly: readonly Fault[] = ["session-not-found"];
const noticed: readonly Fault[] = ["session-not-found", "session-suspected", "session-doubtful"];
const withoutId = /^(no id|no session id|empty POST body)|without sessionId|session_id missing|no session id/;
const initializing = /^(live: second initialize|second initialize|initialize )|initialize (carrying it|with old id)/;
/** Records without a loss whose answer still asks for something. */
const notLost: readonly Fault[] = ["server-answered", "server-away", "not-sent"];

function requestOf(record: LossRecord, httpMethod: RequestFacts["httpMethod"], body: string): RequestFacts {
  const sentSessionId = !withoutId.test(record.situation);
  const post = httpMethod === "POST";
  const method = initializing.test(record.situation) ? "initialize" : "tools/call";
  return {
    httpMethod,
    method: post ? method : undefined,
    id: post ? (/"id":(\d+)/.exec(body)?.[1] ?? "7") : undefined,
    sentSessionId,
    served: sentSessionId,
    // Measured while the first stream was open.
    reopened: httpMethod === "GET" && !record.situation.includes("-> session"),
    mayPrecedeInitialized: false,
  };
}

function httpMethods(record: LossRecord): readonly RequestFacts["httpMethod"][] {
  const named = record.http_method.split("/");
  const found = (["POST", "GET", "DELETE"] as const).filter((httpMethod) => named.includes(httpMethod));
  return found.length === 0 ? ["POST"] : found;
}

/** The fault of one record, by the function that a caller would ask. */
function faultOf(record: LossRecord, httpMethod: RequestFacts["httpMethod"]): Fault {
  const bytes = bytesOf(record);
  if (bytes.status === null) return classifyLost({ sent: "nothing" });
  const endsEarly = bytes.contentType === "text/event-stream" && bytes.body.startsWith("(") && httpMethod === "POST";
  if (endsEarly) return classifyStreamEnd({ sawAnswer: false, lastEventId: undefined });
  const reply = { status: bytes.status, contentType: bytes.contentType, challenged: false, body: bytes.body };
  return classifyReply(requestOf(record, httpMethod, bytes.body), reply);
}

describe("every recorded answer", () => {
  const used = new Set<unknown>();
  for (const [index, record] of records.entries()) {
    for (const httpMethod of httpMethods(record)) {
      const exception = record.ambiguous === null ? undefined : exceptionOf(record, httpMethod, bytesOf(record).body);
      used.add(exception);
      const allowed = exception === undefined ? allowedFor(record) : [exception.fault];
      it(`is ${allowed.join(" or ")}: #${index} ${httpMethod} ${record.server}, ${record.situation}`, () => {
        const fault = faultOf(record, httpMethod);
        assert.ok(allowed.includes(fault), `${fault} ${exception?.reason ?? ""}`);
      });
    }
  }

  it("needs every exception and every override", () => {
    assert.deepEqual(
      allExceptions.filter((exception) => !used.has(exception)),
      [],
    );
    assert.deepEqual(unusedOverrides(records), []);
  });
});

function allowedFor(record: LossRecord): readonly Fault[] {
  if (record.ambiguous === null) return notLost;
  return record.ambiguous ? noticed : certainly;
}

describe("an answer that misleads", () => {
  for (const trap of traps) {
    it(`is ${trap.fault}: ${trap.name}`, () => {
      const request = { ...usualRequest, ...trap.request };
      assert.equal(classifyReply(request, { ...usualReply, ...trap.reply }), trap.fault);
    });
  }
});

describe("an exchange without an answer", () => {
  it("was not sent when no byte left, and may have run otherwise", () => {
    assert.equal(classifyLost({ sent: "nothing" }), "not-sent");
    assert.equal(classifyLost({ sent: "maybe" }), "cut-before-answer");
  });

  it("is resumable only after a numbered event", () => {
    assert.equal(classifyStreamEnd({ sawAnswer: true, lastEventId: "3" }), "server-answered");
    assert.equal(classifyStreamEnd({ sawAnswer: false, lastEventId: "3" }), "stream-cut-resumable");
    assert.equal(classifyStreamEnd({ sawAnswer: false, lastEventId: "" }), "stream-cut");
    assert.equal(classifyStreamEnd({ sawAnswer: false, lastEventId: undefined }), "stream-cut");
  });
});

describe("the answer to a fresh initialize", () => {
  const error = (code: number, message: string): string =>
    JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code, message } });
  const rows = [
    ["not-found", { status: 404, contentType: "text/html", body: "<pre>Cannot POST /mcp</pre>" }],
    ["refused", { status: 404, body: error(-32601, "Method not found") }],
    ["already-initialized", { status: 400, body: error(-32600, "Invalid Request: Server already initialized") }],
    ["unauthorized", { status: 401, body: "Unauthorized: Session not found" }],
    ["away", { status: 502, contentType: "text/html" }],
    ["away", { status: 504, contentType: "text/html" }],
    ["away", { status: 503, body: error(-32000, "Session limit reached") }],
    [
      "unsupported-version",
      { status: 400, body: error(-32000, "Bad Request: Unsupported protocol version: 2025-11-25") },
    ],
    ["unsupported-version", { body: error(-32602, "Unsupported protocol version") }],
    ["refused", { body: error(-32603, "boom") }],
    ["refused", { status: 403 }],
  ] as const;
  for (const [verdict, reply] of rows) {
    it(`is ${verdict}: ${JSON.stringify(reply)}`, () => {
      assert.equal(classifyInitialize({ ...usualReply, ...reply }), verdict);
    });
  }
});

describe("the look before reading", () => {
  it("finds an error in a view of a larger buffer, and not beside it", () => {
    const bytes = Buffer.from('{"error":1}{"result":1}');
    assert.ok(mentionsError(bytes.subarray(0, 11)));
    assert.ok(!mentionsError(bytes.subarray(11)));
  });
});

describe("any answer at all", () => {
  const phrase = fc.constantFrom(
    "Session not found",
    "Bad Request: No valid session ID provided",
    "Bad Request: Server not initialized",
    "invalid during session initialization",
    "Invalid request parameters",
    "Server already initialized",
    "Bad Request: Unsupported protocol version: 1",
    "session is closing",
    "Encounter an error when get session: x",
    "Session terminated before the request completed",
    "No active SSE connection for session 1",
  );
  const text = fc.oneof(phrase, fc.string({ maxLength: 40 }), fc.constant(""));
  const id = fc.oneof(fc.constant(7), fc.constant(null), fc.constant("server-error"), fc.integer());
  const code = fc.oneof(
    fc.constantFrom(-32600, -32601, -32602, -32603, -32700, -32000, -32001, -32002, -32020, 0),
    fc.integer(),
  );
  /** A body around a text, so that the case of the text can change and nothing else. */
  const frame = fc.oneof(
    fc.constant((said: string) => said),
    fc.constant((said: string) => `<html><pre>${said}</pre></html>`),
    fc.tuple(id, code).map(
      ([id, code]) =>
        (said: string) =>
          JSON.stringify({ jsonrpc: "2.0", id, error: { code, message: said } }),
    ),
    fc.tuple(id, code).map(
      ([id, code]) =>
        (said: string) =>
          `data: ${JSON.stringify({ id, error: { code, message: said } })}\n\n`,
    ),
    fc.constant((said: string) => JSON.stringify({ error: said })),
    fc.constant((said: string) => JSON.stringify({ jsonrpc: "2.0", id: 7, result: { text: said } })),
    fc.json().map((json) => () => json),
  );
  const status = fc.oneof(
    fc.constantFrom(200, 202, 400, 401, 403, 404, 405, 422, 500, 502, 503, 504, 521, 524, 530),
    fc.integer({ min: 100, max: 999 }),
  );
  const requests = fc.record({
    httpMethod: fc.constantFrom("POST", "GET", "DELETE"),
    method: fc.constantFrom("initialize", "tools/call", "notifications/initialized", undefined),
    id: fc.constantFrom("7", '"a"', "", undefined),
    sentSessionId: fc.boolean(),
    served: fc.boolean(),
    reopened: fc.boolean(),
    mayPrecedeInitialized: fc.boolean(),
  });
  const contentType = fc.constantFrom("", "application/json", "text/event-stream", "text/html");
  const replies = fc.record({ status, contentType, challenged: fc.boolean(), said: text, frame });
  const isSession = (fault: Fault): boolean => fault.startsWith("session-");

  it("is classified without throwing, by what was sent, and whatever the letters' case", () => {
    const property = fc.property(requests, replies, (request, { frame, said, ...rest }) => {
      const reply: ReplyFacts = { ...rest, body: frame(said) };
      const fault = classifyReply(request, reply);
      if (request.method === "initialize" || request.httpMethod === "DELETE") assert.ok(!isSession(fault), fault);
      if (isSession(fault) && !request.sentSessionId) {
        assert.ok(matches(notInitialized, said), said);
        assert.equal(fault, "session-suspected");
      }
      if (fault === "session-not-found") assert.ok(request.served && request.sentSessionId);
      if (fault === "not-initialized") assert.ok(request.mayPrecedeInitialized);
      const shouted = said.replace(/[a-z]/g, (letter) => letter.toUpperCase());
      const murmured = said.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
      assert.equal(classifyReply(request, { ...reply, body: frame(shouted) }), fault);
      assert.equal(classifyReply(request, { ...reply, body: frame(murmured) }), fault);
    });
    fc.assert(property, { numRuns: 10_000 });
  });

  it("is read in bounded time when it is long and repeats itself", () => {
    const body = "session invalid".repeat(4_000).slice(0, 65_536).replaceAll("invalid", "invalix");
    const begun = performance.now();
    classifyReply(usualRequest, { ...usualReply, status: 404, body });
    assert.ok(performance.now() - begun < 1_000);
  });
});
