// What servers put into WWW-Authenticate, read as far as a sign-in needs it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readChallenge } from "./challenge.ts";

describe("a challenge", () => {
  it("is read with its parameters, quoted or not, in any order and case", () => {
    const text = 'bearer error="insufficient_scope", Scope="a b", resource_metadata=https://x.example/.well-known/y';
    assert.deepEqual(readChallenge(text), {
      error: "insufficient_scope",
      scope: "a b",
      resourceMetadata: "https://x.example/.well-known/y",
    });
  });

  it("is found among others, and takes nothing of them", () => {
    const text = 'Basic realm="Bearer scope=no", Bearer realm="x", scope="yes", Digest scope="no"';
    assert.deepEqual(readChallenge(text), { error: undefined, scope: "yes", resourceMetadata: undefined });
    assert.equal(readChallenge(["Negotiate", 'Bearer scope="second line"'])?.scope, "second line");
  });

  it("keeps the first of two values, and quotes within quotes", () => {
    assert.equal(readChallenge('Bearer scope="a\\"b", scope="c"')?.scope, 'a"b');
  });

  it("is none where there is no Bearer, and empty where it says nothing", () => {
    for (const text of [undefined, "", "Basic realm=x", "Bearerish scope=x"])
      assert.equal(readChallenge(text), undefined);
    assert.deepEqual(readChallenge("Bearer"), { error: undefined, scope: undefined, resourceMetadata: undefined });
  });
});
