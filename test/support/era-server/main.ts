// A real server of one era as a process: `node main.ts --era legacy|modern [--port N | --stdio]`. Legacy: sessions, lost with the process. Modern: revision 2026-07-28 alone.
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { NodeStreamableHTTPServerTransport, toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, type McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { buildServer, seen } from "./tools.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    era: { type: "string", default: "modern" },
    stdio: { type: "boolean", default: false },
    /** Gets a line with the process id of every start. */
    "pid-file": { type: "string" },
  },
});
const { era } = values;
if (values["pid-file"] !== undefined) appendFileSync(values["pid-file"], `${process.pid}\n`);

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

function modern(): Handle {
  const handler = createMcpHandler(() => buildServer(era, handler.notify), { legacy: "reject" });
  const handle = toNodeHandler(handler);
  return async (request, response) => {
    const { method = "GET", url = "/" } = request;
    await handle(Object.assign(request, { method, url }), response);
  };
}

function legacy(): Handle {
  const sessions = new Map<
    string,
    { readonly transport: NodeStreamableHTTPServerTransport; readonly server: McpServer }
  >();
  const all = () => [...sessions.values()].map(({ server }) => server);
  const announce = {
    toolsChanged: () => all().forEach((server) => server.sendToolListChanged()),
    resourceUpdated: (uri: string) => all().forEach((server) => void server.server.sendResourceUpdated({ uri })),
  };
  return async (request, response) => {
    const id = request.headers["mcp-session-id"];
    const known = typeof id === "string" ? sessions.get(id) : undefined;
    if (known !== undefined) return known.transport.handleRequest(request, response);
    if (id !== undefined) {
      const error = { code: -32001, message: "Session not found" };
      response.writeHead(404, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", error, id: null }));
      return;
    }
    const server = buildServer(era, announce);
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (sessionId) => void sessions.set(sessionId, { transport, server }),
    });
    server.server.setRequestHandler("resources/subscribe", () => ({}));
    await server.connect(transport);
    await transport.handleRequest(request, response);
  };
}

if (values.stdio) {
  const open: McpServer[] = [];
  const announce = {
    toolsChanged: () => open.forEach((server) => server.sendToolListChanged()),
    resourceUpdated: (uri: string) => open.forEach((server) => void server.server.sendResourceUpdated({ uri })),
  };
  const build = () => {
    const server = buildServer(era, announce);
    open.push(server);
    return server;
  };
  const handle = serveStdio(build, { legacy: era === "modern" ? "reject" : "serve" });
  process.stdin.once("end", () => void handle.close());
} else {
  const handle = era === "modern" ? modern() : legacy();
  const server = createServer((request, response) => {
    const { "mcp-method": method, "mcp-name": name, "mcp-param-region": region } = request.headers;
    if (request.method === "POST") seen.push(["POST", method ?? "-", name ?? "-", region ?? "-"].join(" "));
    handle(request, response).catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      response.destroy();
    });
  });
  server.listen(Number(values.port), "127.0.0.1", () => {
    const address = server.address();
    process.stdout.write(`listening on ${typeof address === "object" ? address?.port : ""}\n`);
  });
}
