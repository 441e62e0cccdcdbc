// mcp-proxy in front of a remote server. Its command line only spawns local ones, so its library is wired here as that command line does it.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Server } from "@modelcontextprotocol/server";
import { proxyServer, startHTTPServer } from "mcp-proxy";

const [upstream = "", port = "0", answers = "json"] = process.argv.slice(2);

const client = new Client({ name: "mcp-proxy", version: "1.0.0" }, { capabilities: {} });
await client.connect(new StreamableHTTPClientTransport(new URL(upstream)));
const serverCapabilities = client.getServerCapabilities() ?? {};

await startHTTPServer({
  createServer: async () => {
    const server = new Server(client.getServerVersion() ?? { name: "upstream", version: "1" }, {
      capabilities: serverCapabilities,
    });
    await proxyServer({ client, server, serverCapabilities, requestTimeout: 300_000 });
    return server;
  },
  enableJsonResponse: answers === "json",
  host: "127.0.0.1",
  port: Number(port),
  sseEndpoint: null,
  streamEndpoint: "/mcp",
});
