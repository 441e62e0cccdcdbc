import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clientHeaders } from "./headers.ts";

describe("the headers of a server's answer", () => {
  const headers = { connection: "keep-alive, X-Hop", "x-hop": "1", "x-own": "2", "keep-alive": "timeout=5" };

  it("pass in front mode but for those of its connection, also those that it names itself", () => {
    assert.deepEqual(clientHeaders(headers, true), ["x-own", "2"]);
    assert.deepEqual(clientHeaders({ ...headers, connection: "close" }, true), ["x-hop", "1", "x-own", "2"]);
  });

  it("stay with the server otherwise", () => {
    assert.deepEqual(clientHeaders({ ...headers, "retry-after": "3" }, false), ["retry-after", "3"]);
  });
});
