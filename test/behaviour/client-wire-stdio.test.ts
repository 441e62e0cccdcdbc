// Holdfast as a stdio server: one message a line, nothing else on standard output, an orderly end, and what it says when it cannot.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startChaos } from "../../src/chaos/index.ts";
import { runHoldfast } from "../support/run-holdfast.ts";
import { startStdio } from "../support/stdio-client.ts";
import { answers } from "../support/wire-clients.ts";
import { eventually } from "./recovery-scene.ts";
import { nameOf, serve, startUpstream } from "./recovery-upstream.ts";

const timeout = 60_000;

describe("holdfast stdio", { timeout }, () => {
  it("relays each line in its own text, both ways, and makes one line of an answer of several", async () => {
    const answer = '{"id":1.0, "jsonrpc":"2.0",\r\n "result":{"n":9007199254740993,"s":"\\u00e9"}}';
    await using upstream = await startUpstream(({ message }, response) => {
      if (message["method"] !== "odd/method") return undefined;
      response.writeHead(200, { "content-type": "application/json" }).end(answer);
      return true;
    });
    await using client = startStdio(["stdio", upstream.url]);
    await client.initialize();
    const sent = '{ "jsonrpc":"2.0","method":"odd/method","id":1.0,"params":{"n":12345678901234567890} }';
    await client.send(sent);
    assert.equal(await client.when((text) => text.includes("9007199254740993")), answer.replace("\r\n", "  "));
    assert.equal(upstream.seen.find((seen) => nameOf(seen) === "odd/method")?.body, sent);
  });

  it("restores the session of its client when the server forgets it", async () => {
    const chaos = await startChaos();
    try {
      await using client = startStdio(["stdio", chaos.url]);
      await client.initialize();
      assert.match(await client.ask(1, "tools/call", { name: "count", arguments: {} }), /"text":"1"/);
      const body = '{"do":"forget","as":"404-json"}';
      assert.equal((await fetch(chaos.controlUrl, { method: "POST", body })).status, 200);
      assert.match(await client.ask(2, "tools/call", { name: "echo", arguments: { text: "on" } }), /"text":"on"/);
    } finally {
      await chaos.close();
    }
  });

  it("carries lines of 20 MB in both directions", async () => {
    const large = "x".repeat(20 * 1024 * 1024);
    await using upstream = await startUpstream((seen, response) => {
      if (seen.message["method"] !== "tools/call") return undefined;
      const result = { length: seen.body.length, large };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, result }));
      return true;
    });
    await using client = startStdio(["stdio", upstream.url]);
    await client.initialize();
    const call = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { large } });
    await client.send(call);
    const answer = JSON.parse(await client.when((text) => text.length > large.length)) as {
      result: { length: number };
    };
    assert.equal(answer.result.length, call.length);
  });

  it("takes a line of --max-body bytes, answers one more with an error that names it, and goes on", async () => {
    await using upstream = await startUpstream();
    await using client = startStdio(["stdio", upstream.url, "--max-body", "1000"]);
    await client.initialize();
    const line = (id: number, length: number) => {
      const text = JSON.stringify({ jsonrpc: "2.0", id, method: "ping", params: { pad: "" } });
      return text.replace('""', `"${"x".repeat(length - text.length)}"`);
    };
    await client.send(line(1, 1_000));
    assert.match(await client.when((text) => answers(text, 1)), /"result"/);
    await client.send(line(2, 1_001));
    assert.match(await client.when((text) => answers(text, 2)), /"code":"BODY_TOO_LARGE"/);
    assert.match(await client.ask(3, "ping"), /"result"/);
  });

  it("prints messages and nothing else on standard output, whatever happens", async () => {
    await using upstream = await startUpstream();
    await using client = startStdio(["stdio", upstream.url, "--log-format", "pretty"]);
    await client.send("nonsense");
    await client.send("");
    await client.initialize();
    await client.ask(1, "tools/list");
    client.endInput();
    assert.equal(await client.exited, 0);
    const lines = client.output().trimEnd().split("\n");
    assert.equal(lines.length, 3);
    for (const line of lines) assert.equal(JSON.parse(line).jsonrpc, "2.0");
    assert.match(lines[0] ?? "", /MALFORMED_JSON/);
    assert.match(client.errors(), /mcp request/);
  });

  for (const [how, end] of [
    ["its standard input ends", (client: ReturnType<typeof startStdio>) => client.endInput()],
    ["it gets SIGTERM", (client: ReturnType<typeof startStdio>) => client.signal("SIGTERM")],
  ] as const) {
    it(`when ${how}, answers what is under way, ends the session at the server and exits with 0`, async () => {
      const held: (() => void)[] = [];
      await using upstream = await startUpstream((seen, response) => {
        if (seen.message["method"] !== "tools/call") return undefined;
        held.push(() => serve(seen, response));
        return true;
      });
      await using client = startStdio(["stdio", upstream.url]);
      await client.initialize();
      const answer = client.ask(1, "tools/call", { name: "slow" });
      await eventually(() => held.length > 0 || undefined, "the call at the server");
      end(client);
      assert.ok(!upstream.names().includes("DELETE"));
      for (const send of held) send();
      assert.match(await answer, /"result"/);
      assert.equal(await client.exited, 0);
      assert.equal(upstream.seen.at(-1)?.http, "DELETE");
    });
  }

  it("answers a whole conversation that was written before it was ready", async () => {
    await using upstream = await startUpstream();
    const client = startStdio(["stdio", upstream.url]);
    await client.send({ jsonrpc: "2.0", id: 0, method: "initialize", params: { protocolVersion: "2025-06-18" } });
    await client.send({ jsonrpc: "2.0", method: "notifications/initialized" });
    await client.send({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    client.endInput();
    assert.equal(await client.exited, 0);
    assert.equal(client.texts.length, 2);
    const names = upstream.names().filter((name) => name !== "GET");
    assert.deepEqual(names, ["initialize", "notifications/initialized", "tools/list", "DELETE"]);
  });

  it("asks the server to pause while its client does not read", async () => {
    const piece = `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"${"x".repeat(64 * 1024)}"}}\n\n`;
    let written = 0;
    await using upstream = await startUpstream(({ http }, response) => {
      if (http !== "GET") return undefined;
      response.writeHead(200, { "content-type": "text/event-stream" });
      const more = (): void => {
        while (written < 256 * 1024 * 1024) {
          written += piece.length;
          if (!response.write(piece)) return void response.once("drain", more);
        }
      };
      more();
      return true;
    });
    await using client = startStdio(["stdio", upstream.url]);
    client.pauseReading(true);
    await client.send({ jsonrpc: "2.0", id: 0, method: "initialize", params: { protocolVersion: "2025-06-18" } });
    await client.send({ jsonrpc: "2.0", method: "notifications/initialized" });
    await eventually(() => written > 0 || undefined, "the stream at the server");
    // It comes to rest: what fits into the buffers on the way has been written, and no more.
    let before = -1;
    await eventually(
      async () => {
        const rests = written === before;
        before = written;
        await new Promise((resolve) => setTimeout(resolve, 300));
        return rests || undefined;
      },
      "the server at rest",
      20_000,
    );
    assert.ok(written < 32 * 1024 * 1024, `${written} bytes`);
  });
});

describe("holdfast stdio that cannot reach the server", { timeout }, () => {
  const conversation = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}';
  const run = async (url: string) => {
    const client = startStdio(["stdio", url, "--recovery-window", "0.2", "--quiet"]);
    await client.send(conversation);
    const answer = await client.when((text) => answers(text, 1));
    client.endInput();
    return { answer, status: await client.exited, errors: client.errors() };
  };

  it("exits with 4 when nobody listens there, and says so to the client and on standard error", async () => {
    const { answer, status, errors } = await run("http://127.0.0.1:9/mcp");
    assert.match(answer, /"code":"UPSTREAM_REFUSED_CONNECTION"/);
    assert.equal(status, 4);
    assert.match(errors, /^holdfast: The server refuses connections\. Start the server, or check host and port\.$/m);
  });

  it("exits with 3 when the server asks for a sign-in", async () => {
    await using upstream = await startUpstream((_seen, response) => {
      response.writeHead(401, { "www-authenticate": "Bearer" }).end();
      return true;
    });
    const { answer, status, errors } = await run(upstream.url);
    assert.match(answer, /"code":"AUTHORIZATION_REQUIRED"/);
    assert.equal(status, 3);
    assert.match(errors, /^holdfast: The server refuses the credential/m);
  });

  it("exits with 1 for what was typed wrongly, and prints nothing on standard output", async () => {
    for (const [args, sentence] of [
      [["stdio"], /URL must begin with/],
      [["stdio", "example.com/mcp"], /URL must begin with/],
      [["stdio", "--"], /After -- comes the command/],
      [["stdio", "https://example.com/mcp", "--", "node"], /not both/],
      [["stdio", "https://example.com/mcp", "--port", "1"], /unknown option '--port'/],
      [["stdio", "https://example.com/mcp", "--env", "A=b"], /command after --/],
    ] as const) {
      const { status, stdout, stderr } = await runHoldfast(args);
      assert.equal(status, 1, stderr);
      assert.equal(stdout, "");
      assert.match(stderr, sentence);
    }
  });
});
