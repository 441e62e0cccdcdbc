// The process side of the faulty server: the port, its closing and reopening, and who gets which path. Knows no MCP.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "../protocol/index.ts";
import { handleControl } from "./control.ts";
import { handleMcp } from "./endpoint.ts";
import { writeReply } from "./reply.ts";
import { openTerminal, type Terminal } from "./terminal.ts";
import { abortCalls, createWorld, type World } from "./world.ts";

const relistenEveryMs = 50;

export interface ChaosOptions {
  /** 0 or absent: any free port. */
  readonly port?: number;
  readonly host?: string;
  /** Take orders from standard input as well; or from the given streams. */
  readonly terminal?: boolean | Terminal;
  /** Event ids, priming events and resume by Last-Event-ID. */
  readonly resumable?: boolean;
  /** Answer with JSON documents instead of event streams. */
  readonly json?: boolean;
}

export interface Chaos {
  readonly url: string;
  readonly controlUrl: string;
  /** Resolves when it has stopped, also when that was typed into its terminal. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** The port of a server that comes and goes. */
interface Port {
  /** 0 ends it. */
  readonly refuse: (ms: number) => void;
  readonly close: () => Promise<void>;
}

function openPort(server: Server, host: string, port: number, onRefuse: () => void): Port {
  let closing = false;
  let reopening: NodeJS.Timeout | undefined;
  const listen = () => {
    if (!closing && !server.listening) server.listen(port, host);
  };
  // Somebody else may hold the port for a moment; the promise is to come back on the same one.
  server.on("error", () => {
    if (!closing) reopening = setTimeout(listen, relistenEveryMs);
  });
  const shut = () => {
    clearTimeout(reopening);
    server.close();
    server.closeAllConnections();
  };
  // A reopening that was under way when the end came.
  server.on("listening", () => {
    if (closing) shut();
  });
  return {
    refuse: (ms) => {
      if (closing) return;
      if (ms === 0) {
        clearTimeout(reopening);
        return listen();
      }
      shut();
      onRefuse();
      reopening = setTimeout(listen, ms);
    },
    close: async () => {
      closing = true;
      const gone = server.listening ? new Promise((resolve) => server.once("close", resolve)) : undefined;
      shut();
      await gone;
    },
  };
}

/** A page of some other origin must not steer this server or read it through a browser. */
function isForeign(request: IncomingMessage, host: string): boolean {
  const { origin } = request.headers;
  if (origin === undefined) return false;
  const hostname = URL.parse(origin)?.hostname;
  return hostname === undefined || !["localhost", "127.0.0.1", "[::1]", host].includes(hostname);
}

async function route(
  world: World,
  host: string,
  refuse: (ms: number) => void,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (isForeign(request, host)) return writeReply(response, { status: 403, body: "Forbidden: foreign origin\n" });
  const path = request.url?.split("?", 1)[0];
  if (path === "/mcp") return handleMcp(world, request, response);
  if (path === "/chaos") return handleControl(world, refuse, request, response);
  writeReply(response, { status: 404, contentType: "text/plain", body: `Cannot ${request.method} ${path}\n` });
}

function listenOnce(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

export async function startChaos(options: ChaosOptions = {}): Promise<Chaos> {
  const { host = "127.0.0.1", terminal = false } = options;
  const world = createWorld({ json: options.json === true, resumable: options.resumable === true });
  const server = createServer((request, response) => {
    route(world, host, (ms) => port.refuse(ms), request, response).catch(() => {
      // A client that went away in the middle of its own request; for anything else this is the honest answer.
      writeReply(response, { status: 500, body: "Internal Server Error\n" });
    });
  });
  const listening = await listenOnce(server, options.port ?? 0, host);
  const port = openPort(server, host, listening, () => abortCalls(world));
  const closed = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      typed?.close();
      abortCalls(world);
      await port.close();
      closed.resolve();
    })();
    return closing;
  };
  const streams = terminal === true ? { input: process.stdin, output: process.stdout } : terminal;
  const typed = streams === false ? undefined : openTerminal(streams, world, port.refuse, () => void close());
  const origin = `http://${host.includes(":") ? `[${host}]` : host}:${listening}`;
  return { url: `${origin}/mcp`, controlUrl: `${origin}/chaos`, closed: closed.promise, close };
}
