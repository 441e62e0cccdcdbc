// The page's pure parts: what was typed as an address, how numbers and times read, how news is merged, which view a path asks for.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  readAddress,
  shellLine,
  splitCommand,
  suggestName,
} from "../../src/control-plane/page/browser/command-line.ts";
import { readEvents } from "../../src/control-plane/page/browser/event-stream.ts";
import { clientNames, pasteFor } from "../../src/control-plane/page/browser/paste.ts";
import { ago, ahead, capital, size, took } from "../../src/control-plane/page/browser/words.ts";

describe("what was typed as a server's address", () => {
  it("is split as a shell would", () => {
    assert.deepEqual(splitCommand(`npx -y "a b" 'c "d"' e\\ f ""`), ["npx", "-y", "a b", 'c "d"', "e f", ""]);
    assert.equal(splitCommand('npx "a'), undefined);
    assert.equal(splitCommand("  "), undefined);
  });

  it("is a URL by its scheme, and a command otherwise", () => {
    assert.deepEqual(readAddress(" https://h/mcp "), { kind: "http", url: "https://h/mcp" });
    assert.deepEqual(readAddress("wss://h/mcp"), { kind: "websocket", url: "wss://h/mcp" });
    assert.deepEqual(readAddress("npx -y server"), { kind: "stdio", command: "npx", args: ["-y", "server"] });
    assert.deepEqual(readAddress("A=1 B='x y' run it"), {
      kind: "stdio",
      command: "run",
      args: ["it"],
      env: { A: "1", B: "x y" },
    });
  });

  it("is refused with a sentence of its own for each mistake", () => {
    const sentences = ["", "https://", "ftp://h/x", 'npx "a', "A=1"].map((typed) => readAddress(typed));
    for (const sentence of sentences) assert.equal(typeof sentence, "string");
    assert.equal(new Set(sentences).size, sentences.length);
  });

  it("becomes the line that adds it in the hub's shell, quoted where a shell would take it apart", () => {
    for (const [typed, line] of [
      ["http://h/a?b=1&c=2", "holdfast add x 'http://h/a?b=1&c=2'"],
      ['npx -y "it\'s"', "holdfast add x -- npx -y 'it'\\''s'"],
      ["A='x y' run", "holdfast add x -e 'A=x y' -- run"],
    ] as const) {
      const server = readAddress(typed);
      assert.ok(typeof server === "object");
      assert.equal(shellLine("x", server), line);
    }
  });

  it("suggests a name that the hub takes", () => {
    for (const [typed, name] of [
      ["https://mcp.linear.app/mcp", "linear"],
      ["http://127.0.0.1:3000/mcp", "local"],
      ["http://localhost:3000/mcp", "local"],
      ["http://build-box:3000/mcp", "build-box"],
      ["npx -y @modelcontextprotocol/server-memory", "memory"],
      ["/usr/bin/python3 -u /opt/My Tool/x.py", "my"],
      ["uvx mcp-server-git@1.2", "git"],
      ["", ""],
    ] as const) {
      assert.equal(suggestName(typed), name, typed);
      if (name !== "") assert.match(suggestName(typed), /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
    }
  });
});

describe("numbers and times", () => {
  it("read as people say them", () => {
    const now = Date.parse("2026-11-25T12:00:00.000Z");
    const before = (ms: number) => new Date(now - ms).toISOString();
    assert.deepEqual(
      [200, 12_000, 200_000, 7_300_000, 200_000_000].map((ms) => ago(before(ms), now)),
      ["just now", "12 s ago", "3 min ago", "2 h ago", "2 d ago"],
    );
    assert.equal(ago(before(-5_000), now), "just now");
    assert.deepEqual([ahead(before(-4_500), now), ahead(before(10), now)], ["in 4 s", "now"]);
    assert.deepEqual([0.44, 84.4, 1_250, 12_345].map(took), ["0.4 ms", "84 ms", "1.25 s", "12.3 s"]);
    assert.deepEqual([182, 18_200, 2_000_000].map(size), ["182 B", "18.2 kB", "2.0 MB"]);
    assert.equal(capital("needs-sign-in"), "Needs sign-in");
  });
});

describe("the event stream's reader", () => {
  it("finds events wherever the pieces are cut, also inside a character", async () => {
    const whole = new TextEncoder().encode(
      ': hello\n\nevent: a\ndata: {"x":"é"}\n\ndata: 1\ndata: 2\n\nevent: unfinished',
    );
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const body = ReadableStream.from([whole.slice(0, cut), whole.slice(cut)]) as ReadableStream<Uint8Array>;
      const events = [];
      for await (const event of readEvents(body, () => {})) events.push(event);
      assert.deepEqual(events, [
        { name: "a", data: '{"x":"é"}' },
        { name: "message", data: "1\n2" },
      ]);
    }
  });
});

describe("what the page gives to paste", () => {
  it("names the connector and its URL for every client, and a token's variable where one is needed", () => {
    const url = "http://127.0.0.1:4747/c/memory/mcp";
    const connector = { name: "memory", endpoints: { mcp: url, sse: "", ws: "" } };
    for (const client of ["claude-code", "cursor", "vscode", "codex"] as const) {
      const { text } = pasteFor(client, connector, false);
      assert.ok(text.includes("memory") && text.includes(url), `${clientNames[client]}: ${text}`);
      assert.match(pasteFor(client, connector, true).text, /HOLDFAST_TOKEN|holdfast-token/);
    }
    assert.equal(pasteFor("claude-code", connector, false).text, `claude mcp add --transport http memory ${url}`);
  });
});
