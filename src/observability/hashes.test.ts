// The short keyed hashes of session ids and credentials.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { principalHash, sessionHash } from "./hashes.ts";

const secret = new Uint8Array(32).fill(7);

describe("a keyed hash", () => {
  it("is twelve hex characters, the same each time", () => {
    assert.match(sessionHash(secret, "abc"), /^[0-9a-f]{12}$/);
    assert.equal(sessionHash(secret, "abc"), sessionHash(secret, "abc"));
  });

  it("differs for another value, another secret, and a credential of the same text", () => {
    const hashes = [
      sessionHash(secret, "abc"),
      sessionHash(secret, "abd"),
      sessionHash(new Uint8Array(32), "abc"),
      principalHash(secret, "abc"),
    ];
    assert.equal(new Set(hashes).size, hashes.length);
  });
});
