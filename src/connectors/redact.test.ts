// What of a body may be shown: nothing of the connector's secrets in any spelling, nothing that is named like one, and everything else as it was.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redact, secretWords } from "./redact.ts";

const show = (text: string, secrets: readonly string[] = [], isCut = false) => redact(text, isCut, secrets);

describe("a body", () => {
  it("that holds no secret is shown as it is", () => {
    const text = '{"jsonrpc":"2.0","id":1,"params":{"name":"echo","arguments":{"text":"a \\"b\\" c","max_tokens":5}}}';
    assert.equal(show(text), text);
    const progress = '{"_meta":{"progressToken":"p-1"}}';
    assert.equal(show(progress), progress);
  });

  it("shows no word of the connector's settings, however it is written", () => {
    const secret = 'pa/th"s3cret';
    for (const written of [
      secret,
      JSON.stringify(secret),
      JSON.stringify(secret).replaceAll("/", "\\/"),
      JSON.stringify({ text: JSON.stringify({ a: secret }) }),
      encodeURIComponent(secret),
    ])
      assert.ok(!/s3cret/.test(show(`{"x": ${written}}`, [secret])), written);
  });

  it("of backslashes alone is looked through in no time", () => {
    const text = "\\".repeat(256 * 1024);
    const startedMs = performance.now();
    assert.equal(show(`{"a":"${text}"}`), `{"a":"${text}"}`);
    // It took more than a minute when each was looked at from each before it.
    assert.ok(performance.now() - startedMs < 5_000);
  });

  it("that was cut shows not even the beginning of one", () => {
    assert.equal(show('{"text":"the key is canary-val', ["canary-value-1"], true), '{"text":"the key is ***');
    assert.equal(show('{"text":"the key is can', ["canary-value-1"], true), '{"text":"the key is can');
  });

  it("shows no value of a member that is named like a secret, at any depth", () => {
    for (const [text, shown] of [
      ['{"password": "x\\"y","user":"ann"}', '{"password": "***","user":"ann"}'],
      ['{"API_KEY":"x\\\\","b":"c"}', '{"API_KEY":"***","b":"c"}'],
      ['{"text":"{\\"accessToken\\": \\"x\\",\\"b\\":1}"}', '{"text":"{\\"accessToken\\": \\"***\\",\\"b\\":1}"}'],
      ['{"clientSecret":"cut off in the mid', '{"clientSecret":"***'],
      ["Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"],
      ["hfx_abcdefghijkl", "***"],
    ] as const)
      assert.equal(show(text, [], true), shown);
  });

  it("can neither write over a terminal nor turn the reading direction", () => {
    assert.equal(show("a\u001b[2Jb\u202ec\nd"), "a\\u001b[2Jb\\u202ec\nd");
  });
});

describe("a connector's secret words", () => {
  it("are its headers' values, the hidden parts of its URL, its variables, and arguments that are named like secrets", () => {
    const http = secretWords({
      server: {
        kind: "http",
        url: new URL("https://u5er:passw0rd@example.com/s3cret-path/mcp?key=qu3ry"),
        wire: "auto",
      },
      headers: ["Authorization", "Bearer h3ader"],
    });
    for (const word of ["h3ader", "s3cret-path", "qu3ry", "passw0rd", "u5er", "/s3cret-path/mcp?key=qu3ry"])
      assert.ok(http.includes(word), word);
    assert.ok(!http.includes("Bearer") && !http.includes("mcp"));
    const stdio = secretWords({
      server: {
        kind: "stdio",
        command: "x",
        args: ["/home/ann/docs", "--api-key", "k3y", "--token=t0ken"],
        env: { A: "v4r" },
        cwd: undefined,
        share: false,
      },
      headers: [],
    });
    for (const word of ["k3y", "t0ken", "v4r"]) assert.ok(stdio.includes(word), word);
    assert.ok(!stdio.includes("/home/ann/docs"));
  });
});
