// Who shares a session of a legacy server: only callers that the server could not tell apart.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mayShare, type PoolUser, poolKey } from "./pool-key.ts";

const user: PoolUser = {
  principal: "alice",
  client: {
    info: '{"name":"a","version":"1"}',
    capabilities: '{"elicitation":{},"sampling":{}}',
    revision: "2026-07-28",
  },
  isolation: "",
};
const other = (changes: Partial<PoolUser>): PoolUser => ({ ...user, ...changes });
const client = (changes: Partial<PoolUser["client"]>): PoolUser => other({ client: { ...user.client, ...changes } });

describe("the key of a pooled session", () => {
  it("is the same however a client writes its facts", () => {
    const spaced = client({
      info: '{ "version": "1", "name": "a" }',
      capabilities: '{"sampling":{}, "elicitation":{}}',
    });
    assert.equal(poolKey(spaced), poolKey(user));
  });

  for (const [what, changed] of [
    ["principal", other({ principal: "bob" })],
    ["isolation", other({ isolation: "chat-7" })],
    ["client's name", client({ info: '{"name":"b","version":"1"}' })],
    ["client's version", client({ info: '{"name":"a","version":"2"}' })],
    ["set of capabilities", client({ capabilities: '{"sampling":{}}' })],
    ["member named __proto__", client({ info: '{"name":"a","version":"1","__proto__":{"x":1}}' })],
  ] as const)
    it(`differs with another ${what}`, () => assert.notEqual(poolKey(changed), poolKey(user)));

  it("cannot be made to meet another one by where a text ends", () => {
    const one = other({ principal: "a", isolation: "bc" });
    assert.notEqual(poolKey(one), poolKey(other({ principal: "ab", isolation: "c" })));
  });
});

describe("sharing", () => {
  it("is for callers that are known", () => assert.equal(mayShare(user, false), true));
  it("is not for those of whom nothing is known, unless they are one user", () => {
    const nobody = other({ principal: "none" });
    assert.equal(mayShare(nobody, false), false);
    assert.equal(mayShare(nobody, true), true);
  });
  it("is refused by a caller that asks for a session of its own", () => {
    assert.equal(mayShare(other({ isolation: "per-request" }), true), false);
  });
});
