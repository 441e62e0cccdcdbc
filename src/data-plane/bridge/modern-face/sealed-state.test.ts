// A requestState that nobody but this proxy can have made, and that is good for one caller, one request and one time.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { faultOf, requestDigest, type StateFacts, StateSeal } from "./sealed-state.ts";

const secret = randomBytes(32);
const seal = new StateSeal(secret);
const facts: StateFacts = {
  kind: "park",
  park: "p1",
  connector: "files",
  principal: "alice",
  digest: "d1",
  round: 1,
  expiresAtMs: 1_000,
};

describe("a sealed state", () => {
  it("opens to what was sealed, also after a restart with the same data directory", () => {
    assert.deepEqual(new StateSeal(secret).open(seal.seal(facts)), facts);
  });

  it("shows nothing of what is inside", () => {
    // Words that no few hundred random letters hold by chance.
    const inside = { ...facts, park: "parked-call", digest: "digested" };
    const state = seal.seal(inside);
    const text = state + Buffer.from(state.slice(4), "base64url").toString("latin1");
    for (const word of ["alice", "files", "parked-call", "digested"]) assert.ok(!text.includes(word), word);
    assert.notEqual(state, seal.seal(inside));
  });

  it("does not open with any bit changed, anything added or anything taken away", () => {
    const state = seal.seal(facts);
    fc.assert(
      fc.property(fc.nat(state.length - 1), fc.constantFrom(..."ABab09-_.=+/ \n".split("")), (at, character) => {
        const changed = state.slice(0, at) + character + state.slice(at + 1);
        if (changed !== state) assert.equal(seal.open(changed), undefined);
        assert.equal(seal.open(state.slice(0, at)), undefined);
        assert.equal(seal.open(state + character), undefined);
        assert.equal(seal.open(character + state), undefined);
      }),
    );
    assert.equal(seal.open(`${state}-TAMPERED`), undefined);
  });

  it("does not open under another secret, and not for any other text", () => {
    assert.equal(new StateSeal(randomBytes(32)).open(seal.seal(facts)), undefined);
    fc.assert(fc.property(fc.string(), (text) => seal.open(`hf1.${text}`) === undefined));
    assert.equal(seal.open(`hf1.${"A".repeat(10_000)}`), undefined);
  });
});

describe("a state that opens", () => {
  const caller = { connector: "files", principal: "alice", digest: "d1" };

  it("serves its own caller, request and time", () => {
    assert.equal(faultOf(facts, caller, 1_000), undefined);
  });

  for (const [fault, changes, nowMs] of [
    ["foreign", { principal: "bob" }, 0],
    ["foreign", { connector: "other" }, 0],
    ["foreign", { principal: "bob", digest: "d2" }, 2_000],
    ["other-request", { digest: "d2" }, 0],
    ["expired", {}, 1_001],
  ] as const)
    it(`is ${fault} for ${JSON.stringify(changes)} at ${nowMs}`, () => {
      assert.equal(faultOf(facts, { ...caller, ...changes }, nowMs), fault);
    });

  it("is forged if it never was one", () => assert.equal(faultOf(undefined, caller, 0), "forged"));
});

describe("the digest of a request", () => {
  const request = (params: object, id = 1) => JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });

  it("is the same for a retry with answers, another id and another progress token", () => {
    const first = request({ name: "t", arguments: { a: 1, b: 2 }, _meta: { progressToken: 1 } });
    const again = request({ arguments: { b: 2, a: 1 }, name: "t", inputResponses: { x: {} }, requestState: "s" }, 2);
    assert.equal(requestDigest(first), requestDigest(again));
  });

  it("differs for other parameters and another method", () => {
    const base = request({ name: "t", arguments: { a: 1 } });
    assert.notEqual(requestDigest(base), requestDigest(request({ name: "t", arguments: { a: 2 } })));
    assert.notEqual(requestDigest(base), requestDigest(base.replace("tools/call", "prompts/get")));
  });
});
