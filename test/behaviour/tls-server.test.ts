// A server behind TLS: its certificate is checked, a user's own authority is believed where it is named, and connections are reused.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { itWith } from "../support/parts.ts";
import { temporaryDirectory } from "../support/process.ts";
import { openSession, send } from "../support/raw-client.ts";

const timeout = 60_000;
const initialize =
  '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}';

interface TlsServer extends AsyncDisposable {
  readonly url: string;
  readonly certificate: string;
  /** TLS connections that were opened, and the name that each asked for. */
  readonly names: readonly unknown[];
}

async function startTlsServer(openssl: string, directory: string): Promise<TlsServer> {
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", cert];
  assert.equal(spawnSync(openssl, [...args, ...subject]).status, 0);
  const names: unknown[] = [];
  const server: Server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { id, method } = JSON.parse(Buffer.concat(chunks).toString() || "{}");
      const capable = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "tls", version: "1" } };
      if (id === undefined) return response.writeHead(request.method === "GET" ? 405 : 202).end();
      const result = method === "initialize" ? capable : { pong: "x".repeat(200_000) };
      response.setHeader("content-type", "application/json").setHeader("mcp-session-id", "one");
      return response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
    });
  });
  server.on("secureConnection", (socket) => names.push(socket.servername)).listen(0, "localhost");
  await once(server, "listening");
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}/mcp`,
    certificate: cert,
    names,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe("a server behind TLS", { timeout }, () => {
  itWith(
    ["openssl"],
    "with a certificate that nobody vouches for gets no request, and the error says why",
    async ({ openssl }) => {
      await using directory = await temporaryDirectory();
      await using server = await startTlsServer(openssl, directory.path);
      await using holdfast = await startHoldfast(server.url, { args: ["--recovery-window", "1"] });
      const answer = await send(holdfast.url, { body: initialize });
      const { error } = JSON.parse(answer.text);
      assert.equal(error.data.code, "UPSTREAM_TLS_FAILED", answer.text);
      assert.match(answer.text, /DEPTH_ZERO_SELF_SIGNED_CERT/);
      assert.deepEqual(server.names, []);
    },
  );

  itWith(
    ["openssl"],
    "is believed where NODE_EXTRA_CA_CERTS names its authority, and is asked over one connection",
    async ({ openssl }) => {
      await using directory = await temporaryDirectory();
      await using server = await startTlsServer(openssl, directory.path);
      const env = { NODE_EXTRA_CA_CERTS: server.certificate };
      await using holdfast = await startHoldfast(server.url, { env });
      const session = await openSession(holdfast.url);
      for (let round = 0; round < 5; round += 1) {
        const answer = await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}');
        assert.equal(JSON.parse(answer.text).result.pong.length, 200_000);
      }
      // Besides the calls at most one more was open: what Holdfast asks by itself.
      assert.ok(server.names.length <= 3, `${server.names.length} connections`);
      assert.ok(server.names.every((name) => name === "localhost"));
    },
  );
});
