// The same server behind the transport of 2024-11-05: an event stream at /sse, messages to a path of each session. Prints its port. Run without its types.
import { createServer, type ServerResponse } from "node:http";

const text = "All work and no play makes a dull benchmark, so this sentence tries to be a little longer. ".repeat(3);
const called = JSON.stringify({ content: [{ type: "text", text }] });
const listed = JSON.stringify({ tools: [{ name: "echo", inputSchema: { type: "object" } }] });
const about = { capabilities: { tools: {} }, serverInfo: { name: "bench-sse", version: "1" } };
const streams = new Map<string, ServerResponse>();

interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { readonly protocolVersion?: string };
}

function resultOf({ method, params }: Message): string {
  if (method === "tools/call") return called;
  if (method === "tools/list") return listed;
  return method === "initialize" ? JSON.stringify({ protocolVersion: params?.protocolVersion, ...about }) : "{}";
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
  if (request.method === "GET" && pathname === "/sse") {
    const session = String(streams.size + 1);
    streams.set(session, response);
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.write(`event: endpoint\ndata: /message?session=${session}\n\n`);
    return;
  }
  const stream = streams.get(searchParams.get("session") ?? "");
  if (request.method !== "POST" || stream === undefined) {
    response.writeHead(request.method === "POST" ? 404 : 405).end();
    return;
  }
  let body = "";
  request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
  request.on("end", () => {
    response.writeHead(202).end();
    const message: Message = JSON.parse(body);
    if (message.id === undefined || message.method === undefined) return;
    const answer = `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${resultOf(message)}}`;
    stream.write(`event: message\ndata: ${answer}\n\n`);
  });
});
server.keepAliveTimeout = 60_000;
server.listen({ port: 0, host: "127.0.0.1", backlog: 1_024 }, () => {
  const address = server.address();
  process.stdout.write(`port ${typeof address === "object" && address !== null ? address.port : 0}\n`);
});
