// What a server repeats of the headers that it was sent is not shown.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withoutHeaderValues } from "./without-header-values.ts";

describe("a server's words", () => {
  it("lose each word of eight characters and more of a header's value, wherever it stands, and keep shorter ones", () => {
    const headers = ["authorization", "Bearer secret-1", "x-key", "12345678 1234567"];
    const text = "Bearer secret-1 is not secret-1234567, nor 12345678.";
    assert.equal(withoutHeaderValues(text, headers), "Bearer *** is not ***234567, nor ***.");
    assert.equal(withoutHeaderValues(text, []), text);
  });

  it("lose them also as JSON, a URL or base64 spells them", () => {
    const secret = 'a"b/c d-12345678';
    const inJson = JSON.stringify({ got: secret });
    const inUrl = new URLSearchParams({ got: "x/y-12345678" }).toString();
    const hide = (text: string, value: string) => withoutHeaderValues(text, [], [value]);
    assert.equal(hide(inJson, secret), '{"got":"***"}');
    assert.equal(hide(inJson.replaceAll("/", "\\/"), secret), '{"got":"***"}');
    assert.equal(hide(inUrl, "x/y-12345678"), "got=***");
    assert.equal(hide(`=${Buffer.from(secret).toString("base64")}`, secret), "=***==");
  });
});
