// Everything besides calls and answers crosses each wire of whole messages in its own text: progress, log messages, cancellation, subscriptions, list changes.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { startStdio } from "../support/stdio-client.ts";
import { connectWebSocket, openSse, type WireClient } from "../support/wire-clients.ts";
import { eventually } from "./recovery-scene.ts";
import { startUpstream } from "./recovery-upstream.ts";

const wires: Readonly<Record<string, (port: number, server: string) => Promise<WireClient>>> = {
  "HTTP+SSE": (port) => openSse(`http://127.0.0.1:${port}/sse`),
  WebSocket: (port) => connectWebSocket(`ws://127.0.0.1:${port}/ws`),
  stdio: (_port, server) => Promise.resolve(startStdio(["stdio", "--quiet", server])),
};

const progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}';
const logged = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"\\u00e9"}}';
const news = [
  '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://one"}}',
  '{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}',
];

for (const [wire, open] of Object.entries(wires)) {
  describe(`between a client on ${wire} and the server`, { timeout: 60_000 }, () => {
    it("pass progress, log messages, a cancellation, a subscription with its news, and list changes; a restored session is subscribed again", async () => {
      const streams: ServerResponse[] = [];
      let call: ServerResponse | undefined;
      await using upstream = await startUpstream(({ http, message }, response) => {
        if (http === "GET") streams.push(response.writeHead(200, { "content-type": "text/event-stream" }));
        if (http === "GET") response.flushHeaders();
        else if (message["method"] === "tools/call") {
          call = response.writeHead(200, { "content-type": "text/event-stream" });
          call.write(`data: ${progress}\n\ndata: ${logged}\n\n`);
        } else {
          if (message["method"] === "notifications/cancelled") call?.end();
          return undefined;
        }
        return true;
      });
      await using holdfast = await startHoldfast(upstream.url);
      await using client = await open(holdfast.port, upstream.url);
      await client.initialize();
      await eventually(() => streams.length > 0 || undefined, "the standing stream");

      await client.ask(1, "logging/setLevel", { level: "info" });
      await client.ask(2, "resources/subscribe", { uri: "test://one" });
      for (const text of news) streams.at(-1)?.write(`data: ${text}\n\n`);
      for (const text of news) await client.when((seen) => seen === text);

      await client.send('{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"_meta":{"progressToken":"t"}}}');
      for (const text of [progress, logged]) await client.when((seen) => seen === text);
      const cancelled = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}';
      await client.send(cancelled);
      await eventually(() => upstream.seen.find(({ body }) => body === cancelled), "the cancellation");
      await client.ask(4, "ping");
      assert.ok(!client.texts.some((text) => JSON.parse(text).id === 3), "a cancelled call is not answered");

      upstream.forget("s1");
      const since = upstream.seen.length;
      await client.ask(5, "ping");
      const restored = upstream.seen.slice(since).filter(({ headers }) => headers["mcp-session-id"] === "s2");
      const bodies = restored.map(({ body }) => body).join();
      assert.match(bodies, /logging\/setLevel.*"info"/);
      assert.match(bodies, /resources\/subscribe.*test:\/\/one/);
      assert.ok(
        restored.some(({ http }) => http === "GET"),
        "the standing stream is open again",
      );
    });
  });
}
