// The MCP server behind every contender: lean, on raw sockets, in a process of its own, obedient to the bench. Proves nothing about MCP.
import { randomUUID } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { serveParent } from "./processes/rpc.ts";
import { nowMs } from "./wire/clock.ts";
import { modernVersion } from "./wire/connection.ts";
import { headerOf, readMessages } from "./wire/http-messages.ts";

export interface UpstreamMode {
  readonly answers: "json" | "sse";
  /** Before each POST is looked at: the distance to this server. */
  readonly delayMs: number;
}

export interface UpstreamCounts {
  readonly initializes: number;
  readonly executed: number;
  readonly executedTwice: number;
  /** When the first refusal since the last `forget` was written. */
  readonly firstRefusalAtMs: number | undefined;
}

interface Call {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: {
    readonly name?: string;
    readonly protocolVersion?: string;
    readonly arguments?: { readonly call?: number; readonly bytes?: number; events?: number; everyMs?: number };
    readonly ["_meta"]?: { readonly progressToken?: string | number };
  };
}

const refusals = {
  404: ["404 Not Found", '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}'],
  400: [
    "400 Bad Request",
    '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}',
  ],
} as const;

const text = "All work and no play makes a dull benchmark, so this sentence tries to be a little longer. ".repeat(3);
const content = `"content":[{"type":"text","text":"${text}"}]`;
const filler = Buffer.alloc(32 * 1024 * 1024, "0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ");
const streamHead =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";

const sessions = new Set<string>();
let mode: UpstreamMode = { answers: "json", delayMs: 0 };
let refuseWith: keyof typeof refusals = 404;
let initializes = 0;
/** How often each call ran; kept only from a `forget` on, because it grows with every call. */
let runs: Map<number, number> | undefined;
let firstRefusalAtMs: number | undefined;

function answerWhole(socket: Socket, status: string, body: string, extra = ""): void {
  const type = body === "" ? "" : "Content-Type: application/json\r\n";
  socket.write(`HTTP/1.1 ${status}\r\n${type}${extra}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function chunkOf(message: string): string {
  const event = `event: message\r\ndata: ${message}\r\n\r\n`;
  return `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`;
}

function answerResult(socket: Socket, id: string | number, result: string): void {
  const message = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;
  if (mode.answers === "json") answerWhole(socket, "200 OK", message);
  else socket.write(`${streamHead}${chunkOf(message)}0\r\n\r\n`);
}

/** The beginning of a large answer, and how long the rest waits. */
const [firstBytes, restAfterMs] = [256 * 1024, 5];

/**
 * Its first bytes are on their way while the upstream pauses: both ends of a call share a core, and one write of 20 MB keeps it for as long as the other side takes
 * what comes, inside one call of the system (2 to 4 ms seen). The time to the first byte would be that of waiting for the core, longer the faster a proxy reads.
 */
function answerBig(socket: Socket, id: string | number, bytes: number): void {
  const start = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[{"type":"text","text":"`;
  const end = '"}]}}';
  const length = start.length + bytes + end.length;
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${start}`);
  socket.write(filler.subarray(0, Math.min(firstBytes, bytes)));
  setTimeout(() => {
    socket.write(filler.subarray(firstBytes, bytes));
    socket.write(end);
  }, restAfterMs);
}

function answerProgress(socket: Socket, call: Call, id: string | number): void {
  const events = call.params?.arguments?.events ?? 0;
  const everyMs = call.params?.arguments?.everyMs ?? 0;
  const token = JSON.stringify(call.params?.["_meta"]?.progressToken ?? null);
  let sent = 0;
  const event = () => {
    sent += 1;
    const params = `{"progressToken":${token},"progress":${sent},"total":${events},"message":"at ${nowMs()}"}`;
    socket.write(chunkOf(`{"jsonrpc":"2.0","method":"notifications/progress","params":${params}}`));
  };
  const finish = () => {
    const result = '{"content":[{"type":"text","text":"done"}]}';
    socket.write(`${chunkOf(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`)}0\r\n\r\n`);
  };
  socket.write(streamHead);
  if (everyMs === 0) {
    for (let left = events; left > 0; left--) event();
    finish();
    return;
  }
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer);
    else if (sent < events) event();
    else {
      clearInterval(timer);
      finish();
    }
  }, everyMs);
}

function answerInitialize(socket: Socket, call: Call, id: string | number): void {
  initializes += 1;
  const sessionId = randomUUID();
  sessions.add(sessionId);
  const version = JSON.stringify(call.params?.protocolVersion ?? "2025-11-25");
  const about = '"capabilities":{"tools":{}},"serverInfo":{"name":"bench-upstream","version":"1"}';
  const body = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"protocolVersion":${version},${about}}}`;
  answerWhole(socket, "200 OK", body, `Mcp-Session-Id: ${sessionId}\r\n`);
}

const toolList = JSON.stringify({
  tools: ["echo", "big", "progress"].map((name) => ({ name, inputSchema: { type: "object" } })),
});

const modernRefusals = {
  version: [
    "400 Bad Request",
    `{"code":-32022,"message":"Unsupported protocol version","data":{"supported":["${modernVersion}"],"requested":"2025-11-25"}}`,
  ],
  method: ["404 Not Found", '{"code":-32601,"message":"Method not found"}'],
} as const;

const discovered = JSON.stringify({
  resultType: "complete",
  supportedVersions: [modernVersion],
  capabilities: { tools: {} },
  ttlMs: 0,
  cacheScope: "private",
  _meta: { "io.modelcontextprotocol/serverInfo": { name: "bench-upstream", version: "1" } },
});

function runTool(socket: Socket, call: Call, id: string | number): void {
  const number = call.params?.arguments?.call;
  if (runs !== undefined && number !== undefined) runs.set(number, (runs.get(number) ?? 0) + 1);
  const name = call.params?.name;
  if (name === "big") answerBig(socket, id, call.params?.arguments?.bytes ?? 0);
  else if (name === "progress") answerProgress(socket, call, id);
  else answerResult(socket, id, `{${content}}`);
}

function answerPost(socket: Socket, sessionId: string | undefined, body: string): void {
  const call: Call = JSON.parse(body);
  const { id, method } = call;
  if (method === "initialize" && id !== undefined) return answerInitialize(socket, call, id);
  if (sessionId === undefined || !sessions.has(sessionId)) {
    firstRefusalAtMs ??= nowMs();
    // Whoever names no session is told so, as real servers do; it shows a prober that this is a legacy one.
    const [status, message] = refusals[sessionId === undefined ? 400 : refuseWith];
    return answerWhole(socket, status, message);
  }
  if (id === undefined) return answerWhole(socket, "202 Accepted", "");
  if (method === "tools/call") return runTool(socket, call, id);
  return answerResult(socket, id, method === "tools/list" ? toolList : "{}");
}

/** A server of 2026-07-28 alone, which knows no sessions and no initialize. */
function answerModern(socket: Socket, body: string): void {
  const call: Call = JSON.parse(body);
  const { id, method } = call;
  if (id === undefined) return answerWhole(socket, "202 Accepted", "");
  if (method === "tools/call") return answerResult(socket, id, `{"resultType":"complete",${content}}`);
  if (method === "server/discover") return answerResult(socket, id, discovered);
  if (method === "tools/list")
    return answerResult(socket, id, `{"resultType":"complete","ttlMs":0,"cacheScope":"private",${toolList.slice(1)}`);
  const [status, error] = modernRefusals[method === "initialize" ? "version" : "method"];
  answerWhole(socket, status, `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${error}}`);
}

function answer(socket: Socket, head: string, body: string): void {
  if (head.startsWith("POST /modern ")) return answerModern(socket, body);
  const sessionId = headerOf(head, head.toLowerCase(), "mcp-session-id:");
  if (head.startsWith("POST ")) {
    if (mode.delayMs > 0) setTimeout(() => answerPost(socket, sessionId, body), mode.delayMs);
    else answerPost(socket, sessionId, body);
  } else if (head.startsWith("GET ") && sessionId !== undefined && sessions.has(sessionId)) {
    socket.write(streamHead);
  } else if (head.startsWith("DELETE ")) {
    answerWhole(socket, sessionId !== undefined && sessions.delete(sessionId) ? "200 OK" : "404 Not Found", "");
  } else {
    answerWhole(socket, "404 Not Found", "");
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  let head = "";
  let chunks: Buffer[] = [];
  const reader = readMessages("client", {
    head: (text) => {
      head = text;
      chunks = [];
    },
    data: (chunk) => void chunks.push(chunk),
    end: () => answer(socket, head, chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString()),
  });
  socket.on("data", (chunk) => reader.read(chunk));
  // A contender that is killed resets its connections.
  socket.on("error", () => socket.destroy());
});

const service = {
  listen: () =>
    new Promise<number>((resolve) => {
      server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    }),
  setMode: (next: UpstreamMode) => {
    mode = next;
    runs = undefined;
    return Promise.resolve();
  },
  /** Every session is gone from now on; the counts start again. */
  forget: (status: keyof typeof refusals) => {
    sessions.clear();
    refuseWith = status;
    initializes = 0;
    firstRefusalAtMs = undefined;
    runs = new Map();
    return Promise.resolve();
  },
  counts: (): Promise<UpstreamCounts> => {
    const executed = [...(runs?.values() ?? [])];
    return Promise.resolve({
      initializes,
      executed: executed.length,
      executedTwice: executed.filter((times) => times > 1).length,
      firstRefusalAtMs,
    });
  },
};

export type UpstreamService = typeof service;

serveParent(service);
