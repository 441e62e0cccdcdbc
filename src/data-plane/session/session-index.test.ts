// Sessions found by id and principal together.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { newClientSessionId } from "../../protocol/index.ts";
import { SessionIndex } from "./session-index.ts";
import type { UpstreamSession } from "./upstream-session.ts";

const shared = newClientSessionId();
const sessionOf = (principal: string, id = shared): UpstreamSession => Object({ id, principal });

describe("SessionIndex", () => {
  it("keeps sessions of one id apart by their principals", () => {
    const index = new SessionIndex();
    const [a, b] = [sessionOf("a"), sessionOf("b")];
    index.add(a);
    index.add(b);
    assert.equal(index.get(shared, "a"), a);
    assert.equal(index.get(shared, "b"), b);
    assert.equal(index.get(shared, "c"), undefined);
    assert.deepEqual([...index.values()], [a, b]);
    assert.equal(index.size, 2);
  });

  it("forgets only the one of that principal", () => {
    const index = new SessionIndex();
    const b = sessionOf("b");
    index.add(sessionOf("a"));
    index.add(b);
    index.delete(shared, "a");
    index.delete(shared, "never");
    assert.equal(index.get(shared, "a"), undefined);
    assert.equal(index.get(shared, "b"), b);
    index.delete(shared, "b");
    assert.equal(index.size, 0);
    assert.deepEqual([...index.values()], []);
  });

  it("holds one session for each pair, the newest", () => {
    const index = new SessionIndex();
    index.add(sessionOf("a"));
    const newest = sessionOf("a");
    index.add(newest);
    assert.equal(index.get(shared, "a"), newest);
    assert.equal(index.size, 1);
  });
});
