// Pipes whose other end does not read: what waits in Holdfast is bounded, whoever is slow learns of it, and nothing is lost once it reads again.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { callBody, stdioBridge } from "../support/stdio-bridge.ts";
import { startStdio } from "../support/stdio-client.ts";
import { answers } from "../support/wire-clients.ts";
import { eventually } from "./recovery-scene.ts";
import { serve, startUpstream } from "./recovery-upstream.ts";

const timeout = 60_000;
const mib = 1024 * 1024;

/** A tools/call of exactly so many bytes. */
function sized(id: number, bytes: number): string {
  const empty = callBody(id, "echo", { text: "" });
  return empty.replace('"text":""', `"text":"${"x".repeat(bytes - empty.length)}"`);
}

describe("a stdio client whose calls are not answered", { timeout }, () => {
  it("is read no further when more than 64 MiB of them wait, and on when they are answered", async () => {
    const held: (() => void)[] = [];
    await using upstream = await startUpstream((seen, response) => {
      if (seen.message["method"] !== "tools/call") return undefined;
      held.push(() => serve(seen, response));
      return true;
    });
    await using client = startStdio(["stdio", upstream.url]);
    await client.initialize();
    for (let id = 1; id <= 80; id += 1) await client.send(sized(id, mib));
    // 64 of them are the limit, and one more is beyond it.
    await eventually(() => held.length >= 65 || undefined, "65 calls at the server", 20_000);
    let before = -1;
    await eventually(
      async () => {
        const rests = held.length === before;
        before = held.length;
        await new Promise((resolve) => setTimeout(resolve, 200));
        return rests || undefined;
      },
      "the calls at rest",
      10_000,
    );
    assert.ok(held.length <= 66, `${held.length} calls`);
    const answering = setInterval(() => held.splice(0).forEach((send) => send()), 10);
    await client.when((text) => answers(text, 80));
    clearInterval(answering);
  });
});

describe("a stdio server that does not read", { timeout }, () => {
  it("lets a client wait with what needs no answer, until it reads", async () => {
    await using bridge = await stdioBridge();
    const session = await bridge.session();
    const pid = Number(await session.call("pid"));
    await session.call("deaf");
    const note = JSON.stringify({ jsonrpc: "2.0", method: "notifications/note", params: { pad: "x".repeat(mib / 2) } });
    let taken = 0;
    const posts = Array.from({ length: 6 }, async () => {
      const { status } = await session.post(note);
      taken += 1;
      return status;
    });
    // Something that is answered without the server tells that the posts have come.
    assert.match((await session.post('{"jsonrpc":"2.0","id":1,"method":1}')).text, /error/);
    assert.equal(taken, 0);
    process.kill(pid, "SIGUSR2");
    assert.deepEqual(await Promise.all(posts), [202, 202, 202, 202, 202, 202]);
    assert.equal(await session.call("notes"), "6");
  });

  it("is sent no more calls when more than 64 MiB wait for it; those that wait are answered when it reads", async () => {
    await using bridge = await stdioBridge();
    const session = await bridge.session();
    const pid = Number(await session.call("pid"));
    await session.call("deaf");
    const refused: string[] = [];
    const served: string[] = [];
    const done = Array.from({ length: 70 }, async (_, id) => {
      const { text } = await session.post(sized(id, mib - 1));
      (text.includes("SERVER_DOES_NOT_READ") ? refused : served).push(text);
    });
    // With its line break each is a MiB: 64 are the limit, and only the 65th goes beyond it.
    await eventually(() => refused.length >= 5 || undefined, "five refusals", 20_000);
    assert.equal(served.length, 0);
    assert.match(refused[0] ?? "", /"executed":"no"/);
    process.kill(pid, "SIGUSR2");
    await Promise.all(done);
    assert.deepEqual([refused.length, served.length], [5, 65]);
    for (const text of served) assert.ok(text.length > mib - 200 && text.includes('"result"'));
    assert.match(await session.call("pid"), new RegExp(`^${pid}$`));
  });
});
