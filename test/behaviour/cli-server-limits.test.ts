// The limits for servers of whole messages, as they are typed: on a bridge, on holdfast stdio, on a hub's connector. Each error names the flag that moves it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { startHub } from "../support/hub.ts";
import { shellOn } from "../support/hub-shell.ts";
import { openSession, send } from "../support/raw-client.ts";
import { runHoldfast } from "../support/run-holdfast.ts";
import { callBody, calling, scriptedServer } from "../support/stdio-bridge.ts";
import { startStdio } from "../support/stdio-client.ts";
import { answers, initializeParams } from "../support/wire-clients.ts";

const timeout = 60_000;
const limit = 100_000;
const initialize = { jsonrpc: "2.0", id: 1, method: "initialize", params: initializeParams };

/** Asks for an answer of exactly so many bytes. */
async function sized(url: string, bytes: number): Promise<string> {
  const session = calling(await openSession(url));
  const ask = async (text: number) => (await session.post(callBody("size", "big", { bytes: text }))).text;
  return ask(bytes - (await ask(0)).length);
}

const tooLarge = /SERVER_MESSAGE_TOO_LARGE/;
const silent = /did not answer initialize in time\..*--start-timeout.*SERVER_SILENT/;

describe("--max-message", { timeout }, () => {
  it("lets a message of that many bytes pass, and fails one more with an error that names the flag", async () => {
    const args = ["--max-message", String(limit), "--", process.execPath, scriptedServer];
    await using holdfast = await startHoldfast(undefined, { args });
    assert.equal((await sized(holdfast.url, limit)).length, limit);
    const beyond = await sized(holdfast.url, limit + 1);
    assert.match(beyond, tooLarge);
    assert.match(beyond, /raise --max-message/);
  });
});

describe("--start-timeout", { timeout }, () => {
  it("is how long a bridge waits for a server that is silent", async () => {
    const args = ["--start-timeout", "0.5", "--", process.execPath, scriptedServer, "silent"];
    await using holdfast = await startHoldfast(undefined, { args });
    const begunMs = performance.now();
    const answer = await send(holdfast.url, { body: JSON.stringify(initialize) });
    assert.match(answer.text, silent);
    assert.ok(performance.now() - begunMs >= 450);
  });

  it("is how long holdfast stdio does", async () => {
    const server = ["--", process.execPath, scriptedServer, "silent"];
    await using client = startStdio(["stdio", "--start-timeout", "0.5", "--quiet", ...server]);
    await client.send(initialize);
    assert.match(await client.when((text) => answers(text, 1)), silent);
    client.endInput();
    assert.equal(await client.exited, 4);
    assert.match(client.errors(), /--start-timeout/);
  });
});

describe("the same flags of a hub's connector", { timeout }, () => {
  it("hold for it alone, show in its settings, and can be changed by the shell and by REST", async () => {
    await using hub = await startHub({ args: ["--no-demo"] });
    const sh = shellOn(hub.dataDir);
    const server = ["--", process.execPath, scriptedServer];
    const options = async (name: string) => (await sh.json("get", name))["options"] as Record<string, unknown>;
    const flags = ["--max-message", String(limit), "--start-timeout", "7"];
    assert.equal((await sh.run("add", "small", ...flags, ...server)).status, 0);
    assert.equal((await sh.run("add", "usual", ...server)).status, 0);
    const { maxMessageBytes, startTimeoutMs } = await options("small");
    assert.deepEqual([maxMessageBytes, startTimeoutMs], [limit, 7_000]);
    const usual = await options("usual");
    assert.deepEqual([usual["maxMessageBytes"], usual["startTimeoutMs"]], [64 * 1024 * 1024, 60_000]);
    const endpoint = (name: string) => `${hub.url}/c/${name}/mcp`;
    assert.equal((await sized(endpoint("small"), limit)).length, limit);
    assert.match(await sized(endpoint("small"), limit + 1), tooLarge);
    assert.equal((await sized(endpoint("usual"), limit + 1)).length, limit + 1);
    await sh.json("edit", "small", "--max-message", String(limit + 1));
    assert.equal((await options("small"))["startTimeoutMs"], 7_000);
    assert.equal((await sized(endpoint("small"), limit + 1)).length, limit + 1);
    const etag = (await hub.api("GET", "/connectors/usual")).headers.get("etag") ?? "";
    const change = { options: { maxMessageBytes: limit, startTimeoutMs: 100 } };
    const changed = await hub.api("PATCH", "/connectors/usual", change, { "if-match": etag });
    assert.equal((changed.body["options"] as Record<string, unknown>)["maxMessageBytes"], limit);
    const refused = await hub.api(
      "PATCH",
      "/connectors/usual",
      { options: { maxMessageBytes: 1_023 } },
      { "if-match": "*" },
    );
    assert.equal(refused.status, 400);
  });
});

describe("a value that these flags cannot have", { timeout }, () => {
  for (const [flag, value, sentence] of [
    ["--max-message", "1023", /whole number from 1024/],
    ["--start-timeout", "0", /number from 0\.1/],
  ] as const) {
    it(`is refused: ${flag} ${value}`, async () => {
      for (const typed of [
        [flag, value, "--", "any"],
        ["add", "any", flag, value, "--", "any"],
      ]) {
        const { status, stderr } = await runHoldfast(typed);
        assert.equal(status, 1, stderr);
        assert.match(stderr, sentence);
      }
    });
  }
});
