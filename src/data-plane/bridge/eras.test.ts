// What an answer proves of a server's era, and what a request shows of its client's.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  currentEras,
  discoverEvidence,
  initializeEvidence,
  isForeignRefusal,
  isModernBody,
  isModernExchange,
  learn,
  nothingKnown,
  verdictTtlMs,
} from "./eras.ts";

const json = "application/json";
const facts = (status: number, body: unknown) => ({
  status,
  contentType: json,
  body: typeof body === "string" ? body : JSON.stringify(body),
});
const error = (code: number, data?: unknown) => ({ jsonrpc: "2.0", id: 1, error: { code, message: "no", data } });
const result = (value: unknown) => ({ jsonrpc: "2.0", id: 1, result: value });

describe("the era of a client", () => {
  for (const [version, expected] of [
    ["2026-07-28", true],
    [" 2026-07-28 ", true],
    ["2027-01-01", true],
    ["2025-11-25", false],
    ["2024-11-05", false],
    ["v999.0.0", false],
    ["", false],
  ] as const) {
    it(`is ${expected ? "modern" : "not told"} by the revision ${JSON.stringify(version)} in its header`, () => {
      assert.equal(isModernExchange({ "mcp-protocol-version": version }), expected);
    });
  }

  it("is not told without the header", () => assert.equal(isModernExchange({}), false));

  it("is told by the body of a message that lacks its headers", () => {
    const body = Buffer.from('{"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}');
    assert.equal(isModernBody("tools/call", body), true);
    assert.equal(isModernBody("server/discover", undefined), true);
    assert.equal(isModernBody("tools/call", Buffer.from("{}")), false);
    assert.equal(isModernBody("tools/call", undefined), false);
  });
});

describe("the answer to server/discover", () => {
  it("proves the modern era by a result", () => {
    assert.deepEqual(discoverEvidence(facts(200, result({ supportedVersions: ["2026-07-28"] }))), { modern: "yes" });
  });

  it("proves both eras where it lists revisions of both", () => {
    const body = result({ supportedVersions: ["2026-07-28", "2025-11-25"] });
    assert.deepEqual(discoverEvidence(facts(200, body)), { legacy: "yes", modern: "yes" });
  });

  it("proves the modern era by -32022 that names a revision of it", () => {
    const body = error(-32022, { supported: ["2027-01-01"], requested: "2026-07-28" });
    assert.deepEqual(discoverEvidence(facts(400, body)), { modern: "yes" });
  });

  it("proves the legacy era by a refusal that no modern server gives", () => {
    const legacy = { legacy: "yes", modern: "no" };
    assert.deepEqual(discoverEvidence(facts(400, error(-32000))), legacy);
    assert.deepEqual(discoverEvidence(facts(404, "not found")), legacy);
    assert.deepEqual(discoverEvidence(facts(405, "")), legacy);
    assert.deepEqual(discoverEvidence(facts(200, error(-32601))), legacy);
  });

  for (const status of [401, 403, 408, 429, 500, 502, 503, 504])
    it(`proves nothing with status ${status}`, () => assert.deepEqual(discoverEvidence(facts(status, "")), {}));

  for (const code of [-32001, -32020, -32021])
    it(`proves nothing with ${code}`, () => assert.deepEqual(discoverEvidence(facts(400, error(code))), {}));

  it("proves nothing by a redirect", () => assert.deepEqual(discoverEvidence(facts(307, "")), {}));
});

describe("the answer to initialize", () => {
  it("proves the legacy era by a result, and nothing about the modern one", () => {
    assert.deepEqual(initializeEvidence(facts(200, result({ protocolVersion: "2025-11-25" }))), { legacy: "yes" });
  });

  it("proves a server of the modern era alone by -32022", () => {
    const body = error(-32022, { supported: ["2026-07-28"] });
    assert.deepEqual(initializeEvidence(facts(400, body)), { legacy: "no", modern: "yes" });
  });

  it("does not take the legacy era from a server that refuses only one of its revisions", () => {
    const body = error(-32022, { supported: ["2025-11-25", "2026-07-28"] });
    assert.deepEqual(initializeEvidence(facts(400, body)), { legacy: "yes", modern: "yes" });
  });

  for (const status of [401, 403, 500, 503])
    it(`proves nothing with status ${status}`, () => assert.deepEqual(initializeEvidence(facts(status, "")), {}));
});

describe("a refusal of a modern request", () => {
  it("is foreign where it asks for a session or is no JSON-RPC", () => {
    assert.equal(isForeignRefusal(facts(400, error(-32000))), true);
    assert.equal(isForeignRefusal(facts(404, error(-32001))), true);
    assert.equal(isForeignRefusal(facts(405, "")), true);
  });

  it("is the server's own where it is about the request", () => {
    for (const code of [-32601, -32602, -32600, -32020, -32021, -32022])
      assert.equal(isForeignRefusal(facts(code === -32601 ? 404 : 400, error(code))), false, String(code));
    assert.equal(isForeignRefusal(facts(401, "")), false);
    assert.equal(isForeignRefusal(facts(503, "")), false);
    assert.equal(isForeignRefusal(facts(200, error(-32000))), false);
  });
});

describe("a verdict", () => {
  const both = learn(learn(nothingKnown, { legacy: "yes" }, 1_000), { modern: "no" }, 2_000);

  it("holds two facts, each learned by itself", () => {
    assert.deepEqual(both, { legacy: "yes", modern: "no", atMs: 2_000 });
  });

  it("holds for a day and no longer", () => {
    assert.equal(currentEras(both, 2_000 + verdictTtlMs).legacy, "yes");
    assert.deepEqual(currentEras(both, 2_001 + verdictTtlMs), nothingKnown);
  });

  it("takes back one fact by a doubt and keeps the other", () => {
    assert.deepEqual(learn(both, { modern: "unknown" }, 3_000), { legacy: "yes", modern: "unknown", atMs: 3_000 });
  });
});
