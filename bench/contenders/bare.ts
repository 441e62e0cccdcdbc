// The least a Node proxy can do: node:http on one side, undici's dispatch on the other. No sessions, no log, no recovery.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Dispatcher, Pool } from "undici";

const [upstream = "", port = "0"] = process.argv.slice(2);
const { origin } = new URL(upstream);
const pool = new Pool(origin, { headersTimeout: 0, bodyTimeout: 0, pipelining: 1 });

function requestHeaders(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (name !== "host" && name !== "connection" && name !== "content-length") headers[name] = String(value);
  }
  return headers;
}

function relay(request: IncomingMessage, response: ServerResponse, body: Buffer | null): void {
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: (controller) => {
      response.on("drain", () => controller.resume());
      response.on("close", () => {
        if (!response.writableFinished) controller.abort(new Error("the client went away"));
      });
    },
    onResponseStart: (_controller, status, headers) => {
      // These are about the connection to the upstream, not about the answer.
      delete headers["connection"];
      delete headers["keep-alive"];
      delete headers["transfer-encoding"];
      response.writeHead(status, headers);
      if (request.method === "GET") response.flushHeaders();
    },
    onResponseData: (controller, chunk) => {
      if (!response.write(chunk)) controller.pause();
    },
    onResponseEnd: () => void response.end(),
    onResponseError: () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    },
  };
  const method = request.method === "GET" || request.method === "DELETE" ? request.method : "POST";
  pool.dispatch({ path: request.url ?? "/", method, headers: requestHeaders(request), body }, handler);
}

const server = createServer({ noDelay: true, requestTimeout: 0, keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => void chunks.push(chunk));
  request.on("end", () => {
    const [first] = chunks;
    relay(request, response, first === undefined ? null : chunks.length === 1 ? first : Buffer.concat(chunks));
  });
});
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 });
