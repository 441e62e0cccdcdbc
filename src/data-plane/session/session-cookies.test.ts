import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { staleCookies, withSessionCookies } from "./session-cookies.ts";

describe("the Cookie header of a session", () => {
  it("has the session's own pairs, and the client's of other names", () => {
    assert.deepEqual(withSessionCookies(["a", "1", "Cookie", "lb=old; theme=dark"], "lb=new"), [
      "a",
      "1",
      "cookie",
      "lb=new; theme=dark",
    ]);
    assert.deepEqual(withSessionCookies(["a", "1"], "lb=new"), ["a", "1", "cookie", "lb=new"]);
    assert.deepEqual(withSessionCookies(["cookie", "lb=old"], undefined), ["cookie", "lb=old"]);
  });

  it("has in front mode what the client was given last, where it keeps cookies of its own", () => {
    assert.deepEqual(withSessionCookies(["cookie", "app=alice"], "app=anonymous; lb=1", ""), [
      "cookie",
      "lb=1; app=alice",
    ]);
  });

  it("has the restored session's pairs in place of those that the client has from before", () => {
    const stale = staleCookies("lb=1", ["authorization", "x", "Cookie", "lb=2; app=alice"]);
    const sent = (cookie: string) => withSessionCookies(["cookie", cookie], "lb=9", stale);
    assert.deepEqual(sent("lb=1; app=alice"), ["cookie", "lb=9; app=alice"]);
    assert.deepEqual(sent("lb=2; app=alice"), ["cookie", "lb=9; app=alice"]);
    assert.deepEqual(sent("lb=10; app=alice"), ["cookie", "lb=10; app=alice"]);
  });
});
