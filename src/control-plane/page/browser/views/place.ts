// Where a connector's server is, as far as the API shows it: never a path, a query or an argument.
import type { ServerView } from "../../../api/schema.ts";
import { countOf } from "../words.ts";

export function placeOf(server: ServerView): string {
  if (server.kind !== "stdio") return server.origin;
  return server.argCount === 0 ? server.command : `${server.command} with ${countOf(server.argCount, "argument")}`;
}

const wires = { auto: "", "streamable-http": "Streamable HTTP", "http-sse": "HTTP+SSE" } as const;

export function wireOf(server: ServerView): string {
  if (server.kind === "http") return wires[server.wire];
  return server.kind === "websocket"
    ? "WebSocket"
    : server.share
      ? "stdio, one process for all"
      : "stdio, one process per session";
}
