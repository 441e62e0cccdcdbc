// `--front` behind the very edges that docs/front.md shows, on the stacks of both field reports.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { describe } from "node:test";
import { sdk1 } from "../support/clients.ts";
import { documentedEdge } from "../support/documented-edges.ts";
import { callTool, openSession, post, send } from "../support/front.ts";
import { startHoldfast } from "../support/holdfast.ts";
import { oauthClients, SignIn } from "../support/oauth-clients.ts";
import { oauthServer, withStream } from "../support/oauth-server.ts";
import { itWith } from "../support/parts.ts";
import { lastingPort } from "../support/process.ts";
import { memoryBehindSupergateway } from "../support/upstreams.ts";
import { openScene } from "./recovery-scene.ts";

/** As docs/front.md starts it. */
const flags = (...hosts: readonly string[]) => [
  "--front",
  "--trust-proxy",
  "127.0.0.1",
  ...hosts.flatMap((host) => ["--allowed-host", host]),
];

const edges = ["nginx", "caddy"] as const;

for (const part of edges) {
  describe(`the ${part} configuration of docs/front.md`, () => {
    itWith(
      [part],
      `keeps an OAuth-protected server's clients through a restart and a refresh behind ${part}`,
      async () => {
        const port = await lastingPort();
        await using server = await oauthServer(`http://127.0.0.1:${port}`);
        await using holdfast = await startHoldfast(server.url, { args: flags("mcp.example.com") });
        await using edge = await documentedEdge(part, { withLogin: holdfast.port, port });
        for (const { connect } of oauthClients) {
          const signIn = new SignIn("anna");
          await using client = await withStream(server, "anna", () => connect(edge.loginUrl, signIn));
          assert.match(await client.callTool("whoami", {}), /^anna/);
          await server.expireAccessTokens();
          await server.restart();
          assert.match(await client.callTool("whoami", {}), /^anna/);
          assert.deepEqual([signIn.signIns, client.errors()], [1, []]);
        }
        const { host, forwarded } = (await server.journal()).find(({ method }) => method === "tools/call") ?? {};
        assert.deepEqual([host, forwarded], [`127.0.0.1:${port}`, "127.0.0.1, 127.0.0.1 http"]);
      },
    );

    itWith([part], `keeps the secret path of field report B's stack behind ${part}`, async () => {
      const path = `secret-${randomBytes(16).toString("hex")}`;
      await using gateway = await memoryBehindSupergateway("3.4.3");
      await using holdfast = await startHoldfast(gateway.url, { args: flags("tools.example.com") });
      await using edge = await documentedEdge(part, { secret: { port: holdfast.port, path } });
      await using client = await sdk1.connect(edge.secretUrl);
      const entities = [{ name: "Anna", entityType: "test", observations: ["kept"] }];
      await client.callTool("create_entities", { entities });
      const session = client.sessionId();

      await gateway.restart({ signal: "SIGKILL" });

      assert.match(await client.callTool("read_graph", {}), /Anna/);
      assert.deepEqual([client.errors(), client.sessionId()], [[], session]);
      assert.equal((await fetch(`http://localhost:${edge.port}/mcp`)).status, 404);
      await holdfast.stop();
      assert.ok(!holdfast.output().includes(path));
    });

    itWith([part], `passes a WebSocket, and says itself where the client is, behind ${part}`, async () => {
      const seen: IncomingHttpHeaders[] = [];
      const server = createServer();
      server.on("upgrade", ({ headers }, socket) => {
        seen.push(headers);
        socket.end("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n");
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      await using resources = new AsyncDisposableStack();
      resources.defer(() => void server.close());
      const { port } = server.address() as AddressInfo;
      const holdfast = resources.use(
        await startHoldfast(`http://127.0.0.1:${port}/mcp`, { args: flags("mcp.example.com") }),
      );
      const edge = resources.use(await documentedEdge(part, { withLogin: holdfast.port }));
      const claims = { "x-real-ip": "9.9.9.9", forwarded: "for=9.9.9.9" };
      const offer = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", ...claims };
      const asked = request({ host: "127.0.0.1", port: edge.port, path: "/ws", headers: offer, agent: false }).end();
      const [response, socket] = (await once(asked, "upgrade")) as [IncomingMessage, Socket];
      socket.destroy();
      assert.equal(response.statusCode, 101);
      assert.deepEqual(
        seen.map((headers) => [headers["x-real-ip"], headers["forwarded"]]),
        [["127.0.0.1", undefined]],
      );
    });

    itWith([part], `brings each event at once through ${part}, while the call still runs`, async () => {
      await using scene = await openScene({ args: flags("mcp.example.com") });
      await using edge = await documentedEdge(part, { withLogin: scene.holdfast.port });
      const session = await openSession(edge.loginUrl, {});
      const stream = await send("GET", edge.loginUrl, { session });
      assert.equal(stream.status, 200);
      const reader = (stream.body ?? assert.fail("no stream")).pipeThrough(new TextDecoderStream()).getReader();
      await post(
        edge.loginUrl,
        { session },
        { ...callTool("add_tool"), params: { name: "add_tool", arguments: { name: "x" } } },
      );
      let read = "";
      while (!read.includes("list_changed")) read += (await reader.read()).value ?? assert.fail("the stream ended");
      await reader.cancel();

      const message = { name: "progress", arguments: { steps: 2, everyMs: 1_500 }, _meta: { progressToken: "p" } };
      const response = await fetch(edge.loginUrl, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          "mcp-session-id": session,
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: 9, method: "tools/call", params: message }),
      });
      const events = (response.body ?? assert.fail("no body")).pipeThrough(new TextDecoderStream()).getReader();
      const first = (await events.read()).value ?? "";
      assert.match(first, /step 1 of 2/);
      assert.doesNotMatch(first, /steps done/);
      await events.cancel();
    });

    itWith([part], `holds back nothing of any other answer that ${part} passes on piece by piece`, async () => {
      let finish = () => {};
      const server = createServer((_asked, response) => {
        response.writeHead(200, { "content-type": "text/plain" });
        response.write("first");
        finish = () => response.end("last");
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      await using holdfast = await startHoldfast(`http://127.0.0.1:${port}/mcp`, { args: flags("mcp.example.com") });
      await using edge = await documentedEdge(part, { withLogin: holdfast.port });
      const { origin } = new URL(edge.loginUrl);
      const { body } = await fetch(`${origin}/feed`, { signal: AbortSignal.timeout(10_000) });
      const pieces = (body ?? assert.fail("no body")).pipeThrough(new TextDecoderStream()).getReader();
      assert.equal((await pieces.read()).value, "first");
      finish();
      assert.equal((await pieces.read()).value, "last");
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    itWith([part], `names the host that clients asked ${part} for, and refuses others`, async () => {
      await using scene = await openScene({ args: flags("mcp.example.com") });
      await using edge = await documentedEdge(part, { withLogin: scene.holdfast.port });
      await openSession(edge.loginUrl, {});
      const evil = await post(edge.loginUrl, { headers: { origin: "https://evil.example" } }, callTool("count"));
      assert.equal(evil.status, 403);
    });
  });
}
